import Glibc

/// The right to write a run directory: its file `lock`, which one run holds at a time, on any
/// number of hosts that share the directory.
///
/// It is created whole, by `link()` of a file of another name, which exactly one can do. One whose
/// holder is gone is taken over by `rename()` to another name. Whether it is gone `/proc` says on
/// the same machine; elsewhere the holder counts as gone when its counter has stood still for a
/// minute of the observer's own clock, so clocks need not agree. A holder that was stopped for so
/// long may therefore have lost its lock without having noticed: before it gives anything its name
/// it calls ``verify()``.
package final class RunLock: @unchecked Sendable {
  package let directory: String
  package let record: LockRecord
  /// Whether this process created the lock and is to remove it.
  package let isOwner: Bool
  private var counter: LockCounter?
  private var path: String { directory + "/" + RunLock.name }

  package static let name = "lock"
  /// How long a counter must stand still.
  package static let patience = 60.0

  private init(directory: String, record: LockRecord, isOwner: Bool, counter: LockCounter?) {
    self.directory = directory
    self.record = record
    self.isOwner = isOwner
    self.counter = counter
  }

  deinit { release() }

  // MARK: Taking it

  /// Takes the lock of a directory that exists.
  ///
  /// - Parameters:
  ///   - patience: the seconds for which the counter of a holder that cannot be looked at must
  ///     stand still.
  ///   - waiting: is called once with a line for the user, where that is waited for.
  /// - Throws: ``LockFailure/held(_:)`` where another run holds it.
  package static func acquire(
    _ directory: String, run: String = LockRecord.newRun(), as holder: ProcessIdentity = .current(),
    patience: Double = patience,
    waiting: (String) -> Void = { _ in }
  ) throws(LockFailure) -> RunLock {
    let record = LockRecord(run: run, holder: holder)
    let path = directory + "/" + name
    var candidate = try Candidate(record, in: directory)
    while true {
      switch try candidate.link(to: path) {
      case .done(let descriptor, let offset):
        return RunLock(
          directory: directory, record: record, isOwner: true,
          counter: LockCounter(descriptor: descriptor, offset: offset, from: 0))
      case .isGone: candidate = try Candidate(record, in: directory)
      case .isTaken:
        guard let found = try LockFile.read(path) else { continue }
        if try isAbandoned(found, at: path, observer: holder, patience: patience, waiting: waiting)
        {
          try takeAway(found, from: path)
        }
      }
    }
  }

  /// The lock that the coordinator of this run holds, for rank 0. Where there is none, since the
  /// coordinator sees another directory under this path, rank 0 takes it itself.
  package static func join(_ directory: String, run: String, waiting: (String) -> Void = { _ in })
    throws(LockFailure) -> RunLock
  {
    guard let found = try LockFile.read(directory + "/" + name) else {
      return try acquire(directory, run: run, waiting: waiting)
    }
    guard let record = found.record, record.run == run else {
      throw .lost("\(directory): another run has taken this directory over\(found.words)")
    }
    return RunLock(directory: directory, record: record, isOwner: false, counter: nil)
  }

  /// Whether the lock's holder is gone; false where the lock is another one by now. Throws where
  /// the holder lives.
  private static func isAbandoned(
    _ found: LockFile, at path: String, observer: ProcessIdentity, patience: Double,
    waiting: (String) -> Void
  ) throws(LockFailure) -> Bool {
    let directory = path.dropLast(name.utf8.count + 1)
    func held(_ found: LockFile) -> LockFailure {
      .held(
        "\(directory) is in use\(found.words): wait for its end or stop it, or give another directory with --output"
      )
    }
    switch found.record?.holder.isAlive(asSeenBy: observer) {
    case false?: return true
    case true?: throw held(found)
    case nil: break
    }
    waiting(
      "\(directory) is locked\(found.words), which cannot be seen from here: waiting \(Int(patience)) s for a sign of life"
    )
    let end = monotonicSeconds() + patience
    while monotonicSeconds() < end {
      usleep(200_000)
      guard let now = try LockFile.read(path), now.isSame(as: found) else { return false }
      if now.bytes != found.bytes { throw held(found) }
    }
    return true
  }

  /// Removes a lock whose holder is gone, unless another process was quicker.
  private static func takeAway(_ found: LockFile, from path: String) throws(LockFailure) {
    let aside = "\(path.dropLast(name.utf8.count)).tmp-lock-\(LockRecord.newRun())"
    guard rename(path, aside) == 0 else {
      if errno == ENOENT { return }
      throw .failed("\(path): an abandoned lock cannot be taken over: \(systemMessage())")
    }
    if let taken = try LockFile.read(aside), !taken.isSame(as: found) {
      // It is the lock of a process that was quicker: back to its place, unless there is a third by
      // now.
      _ = Glibc.link(aside, path)
    }
    unlink(aside)
  }

  // MARK: Holding it

  /// Reads the lock again: returns where it is still this run's. To be called before anything is
  /// given its final name; costs an open and a read.
  ///
  /// - Throws: ``LockFailure/lost(_:)`` where it is another's; ``LockFailure/failed(_:)`` where it
  ///   is gone, or cannot be read, for two seconds.
  package func verify() throws(LockFailure) {
    let end = monotonicSeconds() + 2
    while true {
      var failure: LockFailure
      do throws(LockFailure) {
        if let found = try LockFile.read(path) {
          if found.record?.run == record.run { return }
          throw .lost(
            "\(directory): another run has taken this directory over\(found.words); this run ends without writing any more"
          )
        }
        failure = .failed(
          "\(path) is gone: the directory was moved or removed, or another run was started there")
      } catch {
        if case .lost = error { throw error }
        failure = error
      }
      // For a moment it may be away while another process finds out that its holder lives.
      if monotonicSeconds() > end { throw failure }
      usleep(20_000)
    }
  }

  /// Gives the directory free. A second call does nothing.
  package func release() {
    guard isOwner, counter != nil else { return }
    counter = nil
    guard let found = try? LockFile.read(path), found.record?.run == record.run else { return }
    try? RunLock.takeAway(found, from: path)
  }
}

/// A lock's file as it was read.
struct LockFile {
  var bytes: [UInt8]
  /// Nil where the bytes are no lock's.
  var record: LockRecord?

  var words: String {
    record.map { " by \($0.words)" } ?? " by a process that left no readable record"
  }

  /// Whether it was made by the same holder, whatever the counter.
  func isSame(as other: LockFile) -> Bool {
    if let record, let otherRecord = other.record {
      return record.run == otherRecord.run && record.holder == otherRecord.holder
    }
    return bytes == other.bytes
  }

  /// Nil where there is none.
  static func read(_ path: String) throws(LockFailure) -> LockFile? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .failed("\(path): the lock cannot be read: \(systemMessage())")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else {
      // On a network file system: removed between the two calls.
      if errno == ESTALE { return nil }
      throw .failed("\(path): the lock cannot be read: \(systemMessage())")
    }
    bytes.removeSubrange(count...)
    return LockFile(bytes: bytes, record: LockRecord(bytes: bytes))
  }
}

/// A lock that has no name that counts yet.
private struct Candidate: ~Copyable {
  private let path: String
  private var descriptor: Int32
  private let offset: Int

  enum Outcome {
    /// The lock's descriptor, and where its counter is.
    case done(Int32, Int)
    case isTaken
    /// Something has removed the candidate.
    case isGone
  }

  init(_ record: LockRecord, in directory: String) throws(LockFailure) {
    path = "\(directory)/.tmp-lock-\(LockRecord.newRun())"
    let (bytes, offset) = record.content()
    self.offset = offset
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .failed(
        "\(directory) cannot be locked: \(systemMessage()); check that it is there, can be written and has room"
      )
    }
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
    guard written == bytes.count, fsync(descriptor) == 0 else {
      let message = systemMessage()
      unlink(path)
      close(descriptor)
      descriptor = -1
      throw .failed("\(directory) cannot be locked: \(written < 0 ? message : "the disk is full")")
    }
  }

  deinit {
    unlink(path)
    if descriptor >= 0 { close(descriptor) }
  }

  mutating func link(to target: String) throws(LockFailure) -> Outcome {
    let failure = Glibc.link(path, target) == 0 ? 0 : errno
    var status = stat()
    // Over a network the answer to a link that was made can be lost: then the file has two names.
    if failure == 0 || (fstat(descriptor, &status) == 0 && status.st_nlink == 2) {
      defer { descriptor = -1 }
      return .done(descriptor, offset)
    }
    switch failure {
    case EEXIST: return .isTaken
    case ENOENT where access(path, F_OK) != 0: return .isGone
    case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
      throw .failed(
        "\(target) cannot be made: this file system has no hard links, without which two runs could write one directory; give another one"
      )
    default: throw .failed("\(target) cannot be made: \(systemMessage(failure))")
    }
  }
}

private func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
