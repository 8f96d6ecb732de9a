import Glibc

/// Whether a text for people may hold escape codes, and how many columns its lines may take.
///
/// `NO_COLOR` (with any value but an empty one) and `TERM=dumb` mean no escape codes at all:
/// neither colours nor lines that are redrawn.
public struct TextStyle: Sendable, Equatable {
  /// Whether words may be coloured and lines redrawn.
  public var allowsEscapes: Bool
  /// Columns of a line of words.
  public var width: Int
  /// Columns of a table: as many as it takes where nothing says how wide a line may be.
  public var tableWidth: Int

  /// Columns where no terminal says how many it has: in a pipe or a file.
  public static let plainWidth = 100
  /// Escape codes and widths of a file.
  public static let plain = TextStyle(isTerminal: false, columns: nil) { _ in nil }

  public init(allowsEscapes: Bool, width: Int) {
    (self.allowsEscapes, self.width, tableWidth) = (allowsEscapes, width, width)
  }

  /// `columns` is what the terminal says; nil where there is none or it does not know. `COLUMNS`
  /// comes first, as for `ls` and Python.
  public init(isTerminal: Bool, columns: Int?, variable: (String) -> String?) {
    let term = variable("TERM") ?? ""
    allowsEscapes =
      isTerminal && term != "dumb" && !term.isEmpty && (variable("NO_COLOR") ?? "").isEmpty
    let asked = variable("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    let known = (asked ?? (isTerminal ? columns : nil)).map { max(20, $0) }
    (width, tableWidth) = (known ?? Self.plainWidth, known ?? .max)
  }

  /// The style of a descriptor now; asked anew each time, since windows change their size.
  public init(descriptor: Int32) {
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    self.init(isTerminal: isatty(descriptor) == 1, columns: isKnown ? Int(size.ws_col) : nil) {
      name in
      getenv(name).map { String(cString: $0) }
    }
  }
}
