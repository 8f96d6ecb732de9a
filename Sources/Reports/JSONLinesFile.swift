import Glibc

/// An append-only file of JSON lines that loses at most the line a crash tears.
///
/// Each `write(2)` is of whole lines, so that a reader and a `tail -f` see no torn ones. Not for use by two
/// threads. Errors name the path and the byte offset.
public struct JSONLinesFile: ~Copyable {
  public let path: String
  private let descriptor: Int32
  private var length: Int

  /// Starts an empty file, replacing what was there.
  public init(creating path: String) throws(RunFileError) {
    self.init(path: path, descriptor: try Self.opened(path, O_WRONLY | O_TRUNC), length: 0)
  }

  /// Opens a file to go on after a step: lines of later steps, and a torn last line, are cut off.
  ///
  /// The first line that is not a whole record of a step up to `step` ends the file. A file that is not there starts empty.
  public init(resuming path: String, at step: Int) throws(RunFileError) {
    let descriptor = try Self.opened(path, O_RDWR)
    let length: Int
    do throws(RunFileError) {
      length = try Self.lengthOfRecords(in: descriptor, path: path, upTo: step)
      guard ftruncate(descriptor, off_t(length)) == 0 else {
        throw RunFileError(path: path, cannot: "cut it at byte \(length)", code: errno)
      }
    } catch {
      close(descriptor)
      throw error
    }
    self.init(path: path, descriptor: descriptor, length: length)
  }

  private init(path: String, descriptor: Int32, length: Int) {
    self.path = path
    self.descriptor = descriptor
    self.length = length
  }

  deinit { close(descriptor) }

  private static func opened(_ path: String, _ flags: Int32) throws(RunFileError) -> Int32 {
    let descriptor = open(path, flags | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw RunFileError(path: path, cannot: "open it for writing", code: errno) }
    return descriptor
  }

  /// Appends one record as one line.
  public mutating func append(_ record: some JSONWritable) throws(RunFileError) { try append(contentsOf: CollectionOfOne(record)) }

  /// Appends records, a line each, at once.
  public mutating func append(contentsOf records: some Sequence<some JSONWritable>) throws(RunFileError) {
    var json = JSONText(capacity: 1024)
    for record in records {
      json.value(record)
      json.endLine()
    }
    var written = 0
    while written < json.bytes.count {
      let count = json.bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
      if count < 0 {
        if errno == EINTR { continue }
        throw RunFileError(path: path, cannot: "write \(json.bytes.count - written) bytes at byte \(length)", code: errno)
      }
      written += count
      length += count
    }
  }

  /// Waits until what was appended is on the disk.
  public func synchronize() throws(RunFileError) {
    guard fdatasync(descriptor) == 0 else { throw RunFileError(path: path, cannot: "bring it to the disk", code: errno) }
  }

  private static func lengthOfRecords(in descriptor: Int32, path: String, upTo step: Int) throws(RunFileError) -> Int {
    var lines = LineSplitter(limit: WorkerEvent.lineLimit)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var kept = 0
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw RunFileError(path: path, cannot: "read it", code: errno) }
      if count == 0 { return kept }
      for line in lines.add(buffer[..<count]) {
        guard let number = recordedStep(line), number <= step else { return kept }
        kept += line.count + 1
      }
    }
  }

  /// The `step` of a line that looks like a whole record. A quote inside a string is escaped, so `"step":` can only be the key.
  private static func recordedStep(_ line: [UInt8]) -> Int? {
    guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") else { return nil }
    let key = Array("\"step\":".utf8)
    guard line.count > key.count,
      let start = (0..<(line.count - key.count)).first(where: { line[$0..<($0 + key.count)].elementsEqual(key) })
    else { return nil }
    let digits = line[(start + key.count)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
