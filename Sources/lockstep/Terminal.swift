import Glibc
import Recording
import Reports

/// Standard output or standard error, and what is known of the terminal behind it.
struct Terminal: Sendable {
  let descriptor: Int32

  static let output = Terminal(descriptor: 1)
  static let error = Terminal(descriptor: 2)

  /// The terminal for a progress bar: standard error's, else standard output's, else none, as where
  /// escape codes are not wanted.
  static var terminal: Terminal? { [error, output].first(where: \.style.allowsEscapes) }

  /// Escape codes and columns, asked anew each time since windows change their size.
  var style: TextStyle { TextStyle(descriptor: descriptor) }

  /// Whether the locale's characters are UTF-8.
  static var isUnicode: Bool {
    let environment = Installation.environment()
    let locale =
      ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    return ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
  }

  /// Writes all of a text; a reader that has gone away is not worth an error.
  func write(_ text: String) { write(Array(text.utf8)) }

  func write(_ bytes: [UInt8]) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      written += count
    }
  }
}
