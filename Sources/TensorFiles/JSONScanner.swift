import Files

/// A strict reader of JSON (RFC 8259) that the caller leads through the structure it expects.
///
/// It builds no tree and never recurses on its own: a document nests as deep as its reader asks,
/// and hostile input costs no memory beyond what the reader keeps. Twice the same key in an object
/// is an error, which Foundation's parser hides. So is any number that is not a natural one: file
/// headers have no others.
struct JSONScanner {
  private let bytes: [UInt8]
  private let path: String
  private let base: Int
  private(set) var position = 0

  /// - Parameter base: where in the file the first of the bytes lies, for error messages.
  init(_ bytes: [UInt8], path: String, base: Int) {
    self.bytes = bytes
    self.path = path
    self.base = base
  }

  func failure(_ what: String, at position: Int? = nil) -> FileError {
    FileError(
      path, at: base + (position ?? self.position), what, remedy: "use another copy of the file")
  }

  /// Reads an object and calls `member` behind each key and colon; it must read the value.
  mutating func object(
    _ member: (inout JSONScanner, _ key: String, _ position: Int) throws(FileError) -> Void
  ) throws(FileError) {
    try expect(UInt8(ascii: "{"), "an object")
    if accept(UInt8(ascii: "}")) { return }
    var keys: Set<String> = []
    repeat {
      skipSpace()
      let start = position
      let key = try string()
      guard keys.insert(key).inserted else {
        throw failure("key \"\(key)\" occurs twice", at: start)
      }
      try expect(UInt8(ascii: ":"), "a colon")
      try member(&self, key, start)
    } while accept(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"), "a comma or the end of the object")
  }

  /// Reads an array and calls `element` before each element; it must read it.
  mutating func array(_ element: (inout JSONScanner) throws(FileError) -> Void) throws(FileError) {
    try expect(UInt8(ascii: "["), "an array")
    if accept(UInt8(ascii: "]")) { return }
    repeat { try element(&self) } while accept(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"), "a comma or the end of the array")
  }

  /// Reads an integer from 0 to Int.max, written without sign, fraction, exponent or leading zeros.
  mutating func natural() throws(FileError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = bytes[position], digit >= 0x30, digit <= 0x39 {
      let (shifted, tooBig) = value.multipliedReportingOverflow(by: 10)
      let (sum, tooBigToo) = shifted.addingReportingOverflow(Int(digit - 0x30))
      if tooBig || tooBigToo { throw failure("a number is too large", at: start) }
      value = sum
      position += 1
    }
    let endsProperly = position == bytes.count || !".eE".utf8.contains(bytes[position])
    let hasLeadingZero = position - start > 1 && bytes[start] == 0x30
    guard position > start, endsProperly, !hasLeadingZero else {
      throw failure("a natural number is expected", at: start)
    }
    return value
  }

  /// Skips spaces, tabs and line ends; false when something else is left.
  mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == bytes.count
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: UInt8, _ name: String) throws(FileError) {
    guard accept(byte) else { throw failure("\(name) is expected") }
  }
}

extension JSONScanner {
  /// Reads a string: valid UTF-8, no bare control characters, escapes resolved, surrogates in
  /// pairs.
  mutating func string() throws(FileError) -> String {
    try expect(UInt8(ascii: "\""), "a string")
    let start = position
    var text: [UInt8] = []
    while true {
      let byte = try next(inStringFrom: start)
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string is not valid UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"):
        text += Array(String(Character(try escape(inStringFrom: start))).utf8)
      case ..<0x20: throw failure("a control character stands in a string", at: position - 1)
      default: text.append(byte)
      }
    }
  }

  private mutating func escape(inStringFrom start: Int) throws(FileError) -> Unicode.Scalar {
    let place = position - 1
    switch try next(inStringFrom: start) {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try hexadecimal(inStringFrom: start)
      if let scalar = Unicode.Scalar(unit) { return scalar }
      let isHigh = 0xD800...0xDBFF ~= unit
      if isHigh, try next(inStringFrom: start) == UInt8(ascii: "\\"),
        try next(inStringFrom: start) == UInt8(ascii: "u")
      {
        let low = try hexadecimal(inStringFrom: start)
        if 0xDC00...0xDFFF ~= low {
          return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))!
        }
      }
      throw failure("a surrogate stands alone in a string", at: place)
    default: throw failure("an unknown escape stands in a string", at: place)
    }
  }

  private mutating func hexadecimal(inStringFrom start: Int) throws(FileError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try next(inStringFrom: start))).hexDigitValue
      else {
        throw failure("four hexadecimal digits are expected", at: position - 1)
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  private mutating func next(inStringFrom start: Int) throws(FileError) -> UInt8 {
    guard position < bytes.count else { throw failure("a string does not end", at: start - 1) }
    position += 1
    return bytes[position - 1]
  }
}
