/// What mpirun needs of this process's limits and of the directory for temporary files, checked
/// before it is started: it says little about them, or waits for ever.
public struct LaunchLimits: Sendable, Equatable {
  /// Files that may be open (`ulimit -n`); nil for any number.
  public var openFiles: Int?
  /// Bytes that a file may hold (`ulimit -f`); nil for any.
  public var fileBytes: Int?
  /// The directory for temporary files, and what is wrong with it; nil where nothing is.
  public var temporary: (path: String, problem: String)?

  public init(openFiles: Int?, fileBytes: Int?, temporary: (path: String, problem: String)? = nil) {
    (self.openFiles, self.fileBytes, self.temporary) = (openFiles, fileBytes, temporary)
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.openFiles == b.openFiles && a.fileBytes == b.fileBytes
      && a.temporary?.path == b.temporary?.path
  }

  /// Pipes and sockets of mpirun: measured with Open MPI 4.1.4, 32 for one rank, 36 for two, 60 for
  /// eight.
  static func openFilesNeeded(ranks: Int) -> Int { 28 + 4 * ranks }
  /// Each rank's shared memory is a file of 4 MiB and a page.
  static let fileBytesNeeded = 5 << 20

  /// Why mpirun cannot start so many ranks on this machine, and what to do; nil where nothing
  /// stands against it.
  public func problem(ranks: Int) -> String? {
    if let openFiles, openFiles < Self.openFilesNeeded(ranks: ranks) {
      return
        "only \(openFiles) files may be open (ulimit -n); mpirun needs \(Self.openFilesNeeded(ranks: ranks)) for \(ranks == 1 ? "a rank" : "\(ranks) ranks"): "
        + "raise the limit"
    }
    if let fileBytes, fileBytes < Self.fileBytesNeeded {
      return
        "a file may hold only \(fileBytes) bytes (ulimit -f); Open MPI's shared memory takes \(Self.fileBytesNeeded) a rank: raise the limit"
    }
    if let temporary {
      return
        "the directory for temporary files, \(temporary.path), \(temporary.problem): mpirun needs it; point TMPDIR to one that can be written"
    }
    return nil
  }
}
