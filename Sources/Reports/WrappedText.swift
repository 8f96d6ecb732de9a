/// Text on lines of a given width, broken between words only: a word that is longer than a line has
/// one to itself.
public enum WrappedText {
  /// The lines of a text; `hanging` is the indent of all lines after the first, two columns more
  /// than the first's where it is nil.
  public static func lines(
    _ text: String, indent: Int, hanging: Int? = nil, width: Int = TextStyle.plainWidth
  ) -> [String] {
    var words: [String] = []
    for word in text.split(separator: " ") {
      // "12 %" stays together.
      if word.hasPrefix("%"), let last = words.last {
        words[words.count - 1] = "\(last) \(word)"
      } else {
        words.append(String(word))
      }
    }
    return lines(words, separator: " ", indent: indent, hanging: hanging, width: width)
  }

  /// The lines of parts that stay whole, with a separator between two on the same line.
  public static func lines(
    _ parts: [String], separator: String, indent: Int, hanging: Int? = nil, width: Int
  ) -> [String] {
    // An indent never takes more than a third of a narrow terminal.
    let hanging = String(repeating: " ", count: min(hanging ?? indent + 2, width / 3))
    var lines: [String] = []
    var line = String(repeating: " ", count: min(indent, width / 3))
    var isEmpty = true
    for part in parts {
      if !isEmpty && line.count + separator.count + part.count > width {
        lines.append(line)
        line = hanging
        isEmpty = true
      }
      line += isEmpty ? part : separator + part
      isEmpty = false
    }
    return lines + [line]
  }
}
