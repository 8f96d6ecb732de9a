extension PlainText {
  /// A text as a cell of a CSV, in quotes where it needs them (RFC 4180).
  public static func csvCell(_ text: String) -> String {
    let needsQuotes = text.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }
    return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
