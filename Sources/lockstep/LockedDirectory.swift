import Files
import Glibc
import Recording
import Reports

/// A run directory that no other run writes while this command works in it, over all restarts of
/// its workers.
struct LockedDirectory {
  let lock: RunLock
  private let directory: RunDirectory
  private let isNew: Bool

  /// What the workers are to know the lock by.
  var run: String { lock.record.run }

  /// Makes the directory where there is none.
  ///
  /// - Throws: a failure in one line, which names the holder where another run has it.
  init(_ directory: RunDirectory) throws {
    self.directory = directory
    isNew = !directory.exists
    do {
      try RunDirectory.make(directory.path)
      lock = try RunLock.acquire(directory.path) {
        Terminal.error.write("note: \(PlainText.sanitized($0))\n")
      }
    } catch let error as LockFailure {
      let code: ExitCode = if case .failed = error { .workerFailed } else { .usage }
      throw CommandFailure(code, PlainText.sanitized(error.description))
    } catch let error as RunFileError {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }

  /// Gives it free; a directory made here in which nothing was written goes again.
  func release() {
    lock.release()
    if isNew { rmdir(directory.path) }
  }
}
