import Files
import Glibc

/// Where something lies until it is complete: beside its final place, under a name that starts with
/// `.tmp-` and cannot be guessed.
struct TemporaryLocation: Sendable {
  let temporary: String
  let parent: String
  static let prefix = ".tmp-"

  init(for path: String) throws(FileError) {
    let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    guard !name.isEmpty, name != ".", name != ".." else {
      throw FileError(path, "names no file", remedy: "end the path with a name")
    }
    let directory = path.dropLast(name.utf8.count)
    parent = directory.isEmpty ? "." : String(directory)
    var random = UInt64.random(in: .min ... .max)
    let suffix = withUnsafeBytes(of: &random) { hexadecimal($0) }
    temporary = "\(directory)\(Self.prefix)\(name)-\(suffix)"
  }

  /// Makes names that were changed in the parent directory safe from power loss.
  func flushParent() throws(FileError) { try flush(parent) }
}

/// Makes a file's content or a directory's names safe from power loss.
func flush(_ path: String) throws(FileError) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
  guard descriptor >= 0 else {
    throw FileError(path, "cannot be opened to flush it: \(systemMessage())")
  }
  defer { close(descriptor) }
  // EINVAL: a file system that cannot flush this kind of file, such as some network ones a
  // directory.
  guard fsync(descriptor) == 0 || errno == EINVAL else {
    throw FileError(path, "cannot be flushed: \(systemMessage())", remedy: "check the disk")
  }
}
