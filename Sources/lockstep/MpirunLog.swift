import Glibc
import Recording

/// `logs/mpirun.log`: every line of mpirun that is no event, for those who want to know more.
///
/// The file is made with the first line, so that a good run has none.
struct MpirunLog {
  private let path: String
  private let directory: String
  private var descriptor: Int32 = -1
  private var isUsable = true
  private var lines = 0
  private static let lineLimit = 100_000

  init(path: String, directory: String) {
    self.path = path
    self.directory = directory
  }

  /// Appends a line; a log that cannot be written is given up, since the run matters more.
  mutating func append(_ line: String) {
    guard isUsable, lines < Self.lineLimit else { return }
    if descriptor < 0 {
      guard (try? RunDirectory.make(directory)) != nil else { return isUsable = false }
      descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { return isUsable = false }
    }
    let bytes = Array((line + "\n").utf8)
    if write(descriptor, bytes, bytes.count) != bytes.count { isUsable = false }
    lines += 1
  }

  /// Closes the file; a later line opens it again.
  mutating func finish() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }
}
