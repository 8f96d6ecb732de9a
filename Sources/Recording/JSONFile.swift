import Files
import FoundationEssentials
import Glibc

/// Whole files of one JSON record: `report.json`, `environment.json`.
public enum JSONFile {
  /// The most a record's file may hold; a larger one is not ours.
  public static let sizeLimit = 64 << 20

  /// Replaces a file by a record, indented; a crash leaves the old file or the new one.
  public static func write(_ record: some JSONWritable, to path: String) throws(RunFileError) {
    var json = JSONText(indented: true, capacity: 4096)
    json.value(record)
    json.endLine()
    try write(json.bytes, to: path)
  }

  /// Replaces a file's bytes; a crash leaves the old file or the new one.
  public static func write(_ bytes: [UInt8], to path: String) throws(RunFileError) {
    let temporary = "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw RunFileError(path: temporary, cannot: "make it", code: errno)
    }
    var failure: Int32 = 0
    var written = 0
    while written < bytes.count && failure == 0 {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count >= 0 { written += count } else if errno != EINTR { failure = errno }
    }
    if failure == 0 && fsync(descriptor) != 0 { failure = errno }
    close(descriptor)
    if failure == 0 && rename(temporary, path) != 0 { failure = errno }
    if failure != 0 {
      unlink(temporary)
      throw RunFileError(path: path, cannot: "write \(bytes.count) bytes", code: failure)
    }
  }

  /// Reads a record; a missing, oversized or malformed file is one line that names it.
  public static func read<Record: Decodable>(_ type: Record.Type, from path: String)
    throws(RunFileError) -> Record
  {
    let bytes = try contents(of: path)
    let record: Record
    do {
      record = try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw RunFileError("\(path): \(sentence(for: error))")
    }
    if let key = impossibleCount(in: record) {
      throw RunFileError("\(path): key \"\(key)\" has a value that is not allowed")
    }
    return record
  }

  package static func contents(of path: String) throws(RunFileError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw RunFileError(path: path, cannot: "open it", code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw RunFileError(path: path, cannot: "look at it", code: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= sizeLimit else {
      throw RunFileError(
        "\(path): not a record of a run: it is no file, or larger than \(sizeLimit >> 20) MB")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw RunFileError(path: path, cannot: "read it", code: errno) }
      if count == 0 { break }
      filled += count
    }
    return Array(bytes.prefix(filled))
  }

  /// A decoding error as words: which key, what about it.
  static func sentence(for error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
      return "key \"\(place(context.codingPath + [key]))\" is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      return "key \"\(place(context.codingPath))\" has the wrong type"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "key \"\(place(context.codingPath))\" has a value that is not allowed"
    default: return "not valid JSON"
    }
  }
}
