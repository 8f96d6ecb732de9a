import Files
import FlightRecorder
import Glibc

/// A file that appears under its name complete and safe from power loss, or not at all.
///
/// It is written under a temporary name in the same directory; ``publish()`` flushes it, renames it
/// and flushes the directory, without which the rename is atomic but not durable. A file of that
/// name is replaced. Dropping the value, or any error, removes the temporary file.
public struct DurableFile: ~Copyable {
  public let path: String
  public private(set) var byteCount: Int
  private let location: TemporaryLocation
  private var descriptor: Int32
  private var isPublished: Bool

  public init(path: String) throws(FileError) {
    let location = try TemporaryLocation(for: path)
    let descriptor = open(
      location.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else {
      throw FileError(
        path, "cannot be created: \(systemMessage())",
        remedy: "check the directory and its permissions")
    }
    self.path = path
    self.location = location
    byteCount = 0
    isPublished = false
    self.descriptor = descriptor
  }

  deinit { if !isPublished { discardTemporary() } }

  /// Writes behind what is written already. After an error nothing more can be written.
  public mutating func write(_ bytes: RawSpan) throws(FileError) {
    var done = 0
    while done < bytes.byteCount {
      // In pieces, so that the flight recorder sees a large file go out.
      let written = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + done, min($0.count - done, 1 << 20))
      }
      FlightRecorder.advance()
      if written < 0 {
        if errno == EINTR { continue }
        throw failure(
          "\(bytes.byteCount - done) more bytes cannot be written", at: byteCount,
          remedy: "make room or choose another directory")
      }
      done += written
      byteCount += written
    }
  }

  /// Writes over bytes that are written already.
  public mutating func overwrite(_ bytes: RawSpan, at offset: Int) throws(FileError) {
    precondition(offset >= 0 && offset + bytes.byteCount <= byteCount, "nothing is written there")
    var done = 0
    while done < bytes.byteCount {
      let written = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(offset + done))
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw failure(
          "cannot be written", at: offset + done, remedy: "make room or choose another directory")
      }
      done += written
    }
  }

  /// Makes the file durable under its name.
  public consuming func publish() throws(FileError) {
    try seal()
    try giveName()
  }

  /// The same, in a run directory: only where its lock is still this run's at the last moment.
  package consuming func publish(holding lock: RunLock?) throws {
    try seal()
    try lock?.verify()
    try giveName()
  }

  private mutating func seal() throws(FileError) {
    // After a failed flush the kernel may have dropped the pages: a second attempt could succeed
    // and lie.
    guard fsync(descriptor) == 0 else {
      throw failure("cannot be flushed", remedy: "check the disk")
    }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw failure("cannot be closed", remedy: "check the disk") }
  }

  private consuming func giveName() throws(FileError) {
    guard rename(location.temporary, path) == 0 else {
      throw failure("cannot be given its name", remedy: "check what has that name already")
    }
    isPublished = true
    try location.flushParent()
  }

  /// Writes a whole file.
  public static func write(_ bytes: RawSpan, to path: String) throws(FileError) {
    var file = try DurableFile(path: path)
    try file.write(bytes)
    try file.publish()
  }

  /// Writes a whole file of text into a run directory.
  package static func write(_ text: String, to path: String, holding lock: RunLock?) throws {
    var file = try DurableFile(path: path)
    try file.write(Array(text.utf8).span.bytes)
    try file.publish(holding: lock)
  }

  /// Writes a whole file of text.
  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8).span.bytes, to: path)
  }

  /// The error of `errno`; removes the temporary file, so that a later ``publish()`` cannot publish
  /// half a file.
  private mutating func failure(_ what: String, at offset: Int? = nil, remedy: String) -> FileError
  {
    let message = systemMessage()
    discardTemporary()
    descriptor = -1
    return FileError(path, at: offset, "\(what): \(message)", remedy: remedy)
  }

  private func discardTemporary() {
    if descriptor >= 0 { close(descriptor) }
    unlink(location.temporary)
  }
}
