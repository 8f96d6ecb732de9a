import Glibc

/// An append-only file of JSON lines that loses at most the line a crash tears.
///
/// Each `write(2)` is of whole lines, so that a reader and a `tail -f` see no torn ones. Not for
/// use by two threads. Errors name the path and the byte offset.
public struct JSONLinesFile: ~Copyable {
  public let path: String
  private let descriptor: Int32
  private var length: Int

  /// Starts an empty file, replacing what was there.
  public init(creating path: String) throws(RunFileError) {
    self.init(path: path, descriptor: try Self.opened(path, O_WRONLY | O_TRUNC), length: 0)
  }

  /// Opens a file to go on after a step: good lines of steps up to it stay, all else is left out.
  ///
  /// The lines are copied to a file that takes the old one's name: a process that still has the old
  /// one open cannot write into this one. Later steps and a last line that a crash tore are left
  /// out without a word. Where more is wrong, a line that is no record or steps that are missing,
  /// the old file stays as `NAME.damaged-N` and `damage` says so.
  public init(
    resuming path: String, at step: Int, wanted: RecordedLines.Wanted = .anything,
    damage: inout String?
  ) throws(RunFileError) {
    let lines = try RecordedLines(of: path, upTo: step, wanted: wanted)
    let temporary =
      "\(path.dropLast(path.split(separator: "/").last?.utf8.count ?? 0)).tmp-resumed-\(path.split(separator: "/").last ?? "")"
    unlink(temporary)
    let descriptor = try Self.opened(temporary, O_RDWR | O_EXCL)
    do throws(RunFileError) {
      let length = try lines.copy(to: descriptor, path: temporary)
      if let found = lines.damage {
        damage =
          lines.isThere
          ? "\(path): \(found); as it was it is \(try Self.keep(path)) now" : "\(path): \(found)"
      }
      guard fdatasync(descriptor) == 0, rename(temporary, path) == 0 else {
        throw RunFileError(path: path, cannot: "replace it by its good lines", code: errno)
      }
      self.init(path: path, descriptor: descriptor, length: length)
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
  }

  public init(resuming path: String, at step: Int) throws(RunFileError) {
    var damage: String?
    try self.init(resuming: path, at: step, damage: &damage)
  }

  /// Gives a damaged file another name beside its own.
  private static func keep(_ path: String) throws(RunFileError) -> String {
    var number = 1
    while link(path, "\(path).damaged-\(number)") != 0 {
      guard errno == EEXIST else {
        throw RunFileError(path: path, cannot: "keep it as \(path).damaged-\(number)", code: errno)
      }
      number += 1
    }
    return "\(path).damaged-\(number)"
  }

  private init(path: String, descriptor: Int32, length: Int) {
    self.path = path
    self.descriptor = descriptor
    self.length = length
  }

  deinit { close(descriptor) }

  private static func opened(_ path: String, _ flags: Int32) throws(RunFileError) -> Int32 {
    let descriptor = open(path, flags | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw RunFileError(path: path, cannot: "open it for writing", code: errno)
    }
    return descriptor
  }

  /// Appends one record as one line.
  public mutating func append(_ record: some JSONWritable) throws(RunFileError) {
    try append(contentsOf: CollectionOfOne(record))
  }

  /// Appends records, a line each, at once.
  public mutating func append(contentsOf records: some Sequence<some JSONWritable>)
    throws(RunFileError)
  {
    var json = JSONText(capacity: 1024)
    for record in records {
      json.value(record)
      json.endLine()
    }
    var written = 0
    while written < json.bytes.count {
      let count = json.bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw RunFileError(
          path: path, cannot: "write \(json.bytes.count - written) bytes at byte \(length)",
          code: errno)
      }
      written += count
      length += count
    }
  }

  /// Waits until what was appended is on the disk.
  public func synchronize() throws(RunFileError) {
    guard fdatasync(descriptor) == 0 else {
      throw RunFileError(path: path, cannot: "bring it to the disk", code: errno)
    }
  }

  /// The `step` of a line that looks like a whole record. A quote inside a string is escaped, so
  /// `"step":` can only be the key.
  static func recordedStep(_ line: [UInt8]) -> Int? {
    guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}"),
      line.allSatisfy({ $0 >= 0x20 })
    else { return nil }
    let key = Array("\"step\":".utf8)
    guard line.count > key.count else { return nil }
    // Two of them are two records whose line end is lost.
    let starts = (0..<(line.count - key.count)).filter {
      line[$0] == key[0] && line[$0..<($0 + key.count)].elementsEqual(key)
    }
    guard starts.count == 1, let start = starts.first else { return nil }
    let digits = line[(start + key.count)...].prefix {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
