/// Text from elsewhere, made safe for a terminal and a log line.
public enum PlainText {
  /// The text without control bytes, on one line, at most `limit` characters long.
  ///
  /// C0 and C1 controls would let a worker's output, a file name or a host name move the cursor or
  /// colour the screen. Tabs become spaces; bytes that are not UTF-8 become U+FFFD; direction
  /// overrides go, since they make text read as something else.
  public static func sanitized(_ bytes: some Sequence<UInt8>, limit: Int = 2000) -> String {
    sanitized(String(decoding: Array(bytes), as: UTF8.self), limit: limit)
  }

  public static func sanitized(_ text: String, limit: Int = 2000) -> String {
    var result = String.UnicodeScalarView()
    var skipping = false
    for scalar in text.unicodeScalars {
      if skipping {
        // A CSI sequence ends with a byte from @ to ~.
        if scalar != "[", (0x40...0x7E).contains(scalar.value) { skipping = false }
        continue
      }
      switch scalar.value {
      case 0x1B: skipping = true
      case 0x09, 0x0A, 0x0D: result.append(" ")
      case 0x00..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: continue
      default: result.append(scalar)
      }
    }
    let line = String(result)
    return line.count > limit ? String(line.prefix(limit - 1)) + "…" : line
  }
}
