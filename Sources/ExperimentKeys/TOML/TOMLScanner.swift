/// Why a text is not TOML, and the byte at which that shows.
struct TOMLError: Error {
  let offset: Int
  let what: String
}

/// A reading position in a TOML text, and what the grammar's small parts look like there.
///
/// The bytes are UTF-8 without NUL (``TOMLTree`` sees to that); nothing here looks past their end,
/// and nothing calls itself.
struct TOMLScanner {
  let bytes: [UInt8]
  var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The byte at the position; nil at the end.
  var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  func peek(_ distance: Int) -> UInt8? {
    offset + distance < bytes.count ? bytes[offset + distance] : nil
  }

  func startsWith(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { word in
      offset + word.count <= bytes.count
        && word.indices.allSatisfy { bytes[offset + $0] == word[$0] }
    }
  }

  /// Steps over the byte if it is there.
  mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    offset += 1
    return true
  }

  mutating func skipBlanks() {
    while let byte = next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { offset += 1 }
  }

  /// Steps over blanks, a comment and the end of the line, or of the text.
  mutating func endLine() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    guard next != nil, try !takeNewline() else { return }
    throw unexpected("the end of the line")
  }

  /// Steps over blanks, comments and ends of lines.
  mutating func skipBlankLines() throws(TOMLError) {
    repeat {
      skipBlanks()
      try skipComment()
    } while try takeNewline()
  }

  private mutating func skipComment() throws(TOMLError) {
    guard take(UInt8(ascii: "#")) else { return }
    while let byte = next, byte != UInt8(ascii: "\n"), !startsWith("\r\n") {
      if Self.isControl(byte) { throw unexpected("text in a comment") }
      offset += 1
    }
  }

  /// Steps over a line feed, with or without a carriage return before it.
  mutating func takeNewline() throws(TOMLError) -> Bool {
    if take(UInt8(ascii: "\n")) { return true }
    guard next == UInt8(ascii: "\r") else { return false }
    guard startsWith("\r\n") else {
      throw TOMLError(
        offset: offset, what: "a carriage return without a line feed: end lines with \\n or \\r\\n")
    }
    offset += 2
    return true
  }

  /// A key's parts, `a."b c".d`: at most `limit` of them.
  mutating func key(limit: Int) throws(TOMLError) -> [(name: String, offset: Int)] {
    var parts: [(name: String, offset: Int)] = []
    repeat {
      skipBlanks()
      let start = offset
      guard parts.count < limit else { throw tooDeep }
      parts.append((try keyPart(), start))
      skipBlanks()
    } while take(UInt8(ascii: "."))
    return parts
  }

  mutating func keyPart() throws(TOMLError) -> String {
    switch next {
    case UInt8(ascii: "\"") where !startsWith("\"\"\""): return try basicString()
    case UInt8(ascii: "'") where !startsWith("'''"): return try literalString()
    default:
      let start = offset
      while let byte = next, Self.isBareKey(byte) { offset += 1 }
      guard offset > start else { throw unexpected("a key") }
      return String(decoding: bytes[start..<offset], as: UTF8.self)
    }
  }

  static func isBareKey(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// What neither strings nor comments may hold: control characters other than a tab.
  static func isControl(_ byte: UInt8) -> Bool {
    byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F
  }

  /// An error at the position: what the grammar wants, and what is there.
  func unexpected(_ wanted: String) -> TOMLError {
    TOMLError(offset: offset, what: "wanted \(wanted), found \(found)")
  }

  var tooDeep: TOMLError {
    TOMLError(offset: offset, what: "more than \(TOMLTree.deepest) levels of tables and lists")
  }

  /// The character at the position, as messages name it.
  private var found: String {
    guard let byte = next else { return "the end of the text" }
    if byte == UInt8(ascii: "\n") || startsWith("\r\n") { return "the end of the line" }
    let scalar = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self)
      .unicodeScalars.first!
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let code = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      return byte == UInt8(ascii: " ") ? "a blank" : code
    case _ where scalar.isASCII: return "\"\(scalar)\""
    default: return "\"\(scalar)\" (\(code))"
    }
  }
}
