/// Text for HTML and XML alike, with nothing in it that either takes for markup.
public enum Markup {
  /// The text escaped for content and for quoted attributes.
  ///
  /// Characters that XML 1.0 does not allow become U+FFFD; direction overrides go, since they make
  /// text read as something else.
  public static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "'": result.append(contentsOf: "&#39;".unicodeScalars)
      case "\t", "\n", "\r": result.append(scalar)
      default:
        switch scalar.value {
        case 0x202A...0x202E, 0x2066...0x2069: continue
        case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: result.append("\u{FFFD}")
        default: result.append(scalar)
        }
      }
    }
    return String(result)
  }
}
