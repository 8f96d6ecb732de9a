import Files

/// The header of a .npy file: a Python dictionary with the keys descr, fortran_order and shape, in
/// any order.
struct NpyHeader {
  private(set) var type = ""
  private(set) var isFortran = false
  private(set) var shape: [Int] = []
  /// Where in the file each value begins.
  private(set) var typeOffset = 0
  private(set) var orderOffset = 0
  private(set) var shapeOffset = 0

  private let text: [UInt8]
  private let base: Int
  private let content: NpyContent
  private var position = 0

  /// `base` is the header's place in the array's file, for error messages.
  init(_ text: [UInt8], at base: Int, of content: NpyContent) throws(FileError) {
    (self.text, self.base, self.content) = (text, base, content)
    var seen: Set<String> = []
    try expect("{")
    while !take("}") {
      skipSpaces()
      let keyOffset = base + position
      let key = try string()
      try expect(":")
      skipSpaces()
      guard seen.insert(key).inserted else {
        throw failure(at: keyOffset, "the header names '\(key)' twice")
      }
      switch key {
      case "descr":
        typeOffset = base + position
        // A list is the type of a structured array.
        guard peek != UInt8(ascii: "[") else {
          throw content.failure(
            at: typeOffset, "is a structured array",
            remedy: "save its columns as one array of numbers")
        }
        type = try string()
      case "fortran_order":
        orderOffset = base + position
        if take("True") { isFortran = true } else { try expect("False") }
      case "shape":
        shapeOffset = base + position
        shape = try dimensions()
      default: throw failure(at: keyOffset, "the header has the unknown key '\(key)'")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpaces()
    guard position == text.count else {
      throw failure(at: base + position, "the header goes on behind its dictionary")
    }
    for key in ["descr", "fortran_order", "shape"] where !seen.contains(key) {
      throw failure(at: base, "the header lacks '\(key)'")
    }
  }

  private var peek: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpaces() {
    while let byte = peek, byte == 0x20 || byte == 0x0A { position += 1 }
  }

  private mutating func take(_ word: String) -> Bool {
    skipSpaces()
    guard text[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  private mutating func expect(_ word: String) throws(FileError) {
    guard take(word) else { throw failure(at: base + position, "the header has no '\(word)' here") }
  }

  private mutating func string() throws(FileError) -> String {
    guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = text[(position + 1)...].firstIndex(of: quote), end - position <= 64
    else { throw failure(at: base + position, "the header has no word in quotes here") }
    defer { position = end + 1 }
    return String(decoding: text[position + 1..<end], as: UTF8.self)
  }

  private mutating func dimensions() throws(FileError) -> [Int] {
    var result: [Int] = []
    try expect("(")
    while !take(")") {
      skipSpaces()
      let digits = text[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let dimension = Int(String(decoding: digits, as: UTF8.self)), result.count < 32 else {
        throw failure(at: base + position, "the header's shape has no dimension here")
      }
      position = digits.endIndex
      // Python 2 wrote long integers so.
      _ = peek == UInt8(ascii: "L") && take("L")
      result.append(dimension)
      if !take(",") {
        try expect(")")
        break
      }
    }
    return result
  }

  private func failure(at offset: Int, _ what: String) -> FileError {
    content.failure(at: offset, what, remedy: "write the file again")
  }
}
