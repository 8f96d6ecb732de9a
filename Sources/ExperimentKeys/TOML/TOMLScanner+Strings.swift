/// Strings: basic and literal, on one line or several.
extension TOMLScanner {
  mutating func string() throws(TOMLError) -> String {
    if startsWith("\"\"\"") { return try longString(quote: UInt8(ascii: "\""), hasEscapes: true) }
    if startsWith("'''") { return try longString(quote: UInt8(ascii: "'"), hasEscapes: false) }
    return next == UInt8(ascii: "'") ? try literalString() : try basicString()
  }

  mutating func basicString() throws(TOMLError) -> String {
    let start = offset
    offset += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case _ where Self.isControl(byte): throw unclosed(start)
      default:
        text.append(byte)
        offset += 1
      }
    }
    throw unclosed(start)
  }

  mutating func literalString() throws(TOMLError) -> String {
    let start = offset
    offset += 1
    while let byte = next, !Self.isControl(byte) {
      offset += 1
      if byte == UInt8(ascii: "'") {
        return String(decoding: bytes[start + 1..<offset - 1], as: UTF8.self)
      }
    }
    throw unclosed(start)
  }

  /// A string between three quotes. A line feed right after them does not count; line ends are one
  /// `\n` each.
  private mutating func longString(quote: UInt8, hasEscapes: Bool) throws(TOMLError) -> String {
    let start = offset
    offset += 3
    var text: [UInt8] = []
    _ = try takeNewline()
    while let byte = next {
      switch byte {
      case quote:
        var count = 0
        while take(quote) { count += 1 }
        // Up to two quotes may stand before the three that close it.
        guard count <= 5 else {
          throw TOMLError(offset: offset - count, what: "\(count) quotes in a row")
        }
        text += Array(repeating: quote, count: count >= 3 ? count - 3 : count)
        if count >= 3 { return String(decoding: text, as: UTF8.self) }
      case UInt8(ascii: "\\") where hasEscapes: if try !skipLineEnd() { try escape(into: &text) }
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        if try takeNewline() { text.append(UInt8(ascii: "\n")) }
      case _ where Self.isControl(byte): throw unexpected("text in a string")
      default:
        text.append(byte)
        offset += 1
      }
    }
    throw TOMLError(offset: start, what: "this string is not closed")
  }

  /// A backslash at the end of a line: it takes with it all blanks and line ends up to the next
  /// character.
  private mutating func skipLineEnd() throws(TOMLError) -> Bool {
    var ahead = self
    ahead.offset += 1
    ahead.skipBlanks()
    guard try ahead.takeNewline() else { return false }
    repeat { ahead.skipBlanks() } while try ahead.takeNewline()
    self = ahead
    return true
  }

  private mutating func escape(into text: inout [UInt8]) throws(TOMLError) {
    let start = offset
    offset += 2
    switch peek(-1) {
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "u"): text += Array(String(try scalar(digits: 4, from: start)).utf8)
    case UInt8(ascii: "U"): text += Array(String(try scalar(digits: 8, from: start)).utf8)
    default:
      throw TOMLError(
        offset: start,
        what: "no escape of a string: there are \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX")
    }
  }

  private mutating func scalar(digits: Int, from start: Int) throws(TOMLError) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("\(digits) hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw TOMLError(offset: start, what: "no Unicode character has this number")
    }
    return scalar
  }

  private func unclosed(_ start: Int) -> TOMLError {
    guard let byte = next, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") else {
      return TOMLError(offset: start, what: "this string is not closed on its line")
    }
    return unexpected("text in a string")
  }
}
