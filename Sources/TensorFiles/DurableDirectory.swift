import Files
import FoundationEssentials
import Glibc

/// A directory that appears under its name complete and safe from power loss, or not at all.
///
/// Files are put into ``temporaryPath``, by this process or others; ``publish()`` flushes them,
/// renames the directory and flushes its parent. Dropping the value, or any error, removes the
/// temporary directory and all that is in it.
public struct DurableDirectory: ~Copyable {
  public let path: String
  /// Where the files go until the directory is published: beside `path`, named `.tmp-…`.
  public let temporaryPath: String
  private let location: TemporaryLocation
  private var isPublished: Bool

  public init(path: String) throws(FileError) {
    let location = try TemporaryLocation(for: path)
    guard mkdir(location.temporary, 0o777) == 0 else {
      throw FileError(
        path, "cannot be created: \(systemMessage())",
        remedy: "check the directory above and its permissions")
    }
    self.path = path
    self.location = location
    isPublished = false
    temporaryPath = location.temporary
  }

  deinit { if !isPublished { try? FileManager.default.removeItem(atPath: temporaryPath) } }

  /// Makes the directory durable under its name. A directory that has the name already is an error
  /// unless it is empty.
  public consuming func publish() throws(FileError) {
    try Self.flushTree(temporaryPath)
    try giveName()
  }

  /// The same, in a run directory: only where its lock is still this run's at the last moment.
  package consuming func publish(holding lock: RunLock?) throws {
    try Self.flushTree(temporaryPath)
    try lock?.verify()
    try giveName()
  }

  private consuming func giveName() throws(FileError) {
    guard rename(temporaryPath, path) == 0 else {
      throw FileError(
        path, "cannot be given its name: \(systemMessage())",
        remedy: "move away what has that name already")
    }
    isPublished = true
    try location.flushParent()
  }

  /// Removes what runs that were killed left unpublished in a directory. Only for the one run that
  /// works in it.
  public static func removeLeftovers(in directory: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    where name.hasPrefix(TemporaryLocation.prefix) {
      try? FileManager.default.removeItem(atPath: directory + "/" + name)
    }
  }

  private static func flushTree(_ path: String) throws(FileError) {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw FileError(path, "cannot be listed", remedy: "check its permissions")
    }
    for name in names {
      let entry = path + "/" + name
      var status = stat()
      guard lstat(entry, &status) == 0 else {
        throw FileError(entry, "cannot be examined: \(systemMessage())")
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try flushTree(entry)
      case S_IFREG: try flush(entry)
      default: continue
      }
    }
    try flush(path)
  }
}
