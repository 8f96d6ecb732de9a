import Files
import FoundationEssentials
import Glibc

extension StepRecord {
  /// Reads a run's `metrics.jsonl` in pieces, a record at a time; a line that is no record is named
  /// by its number and byte. A torn last line is left out. With `every` only the first line and
  /// each so many lines after it are looked at.
  public static func read(path: String, every: Int = 1, each: (StepRecord) -> Void)
    throws(RunFileError)
  {
    try readLines(path: path, every: every, of: "a step") {
      try StepRecord(line: $0)
    } each: {
      each($0)
    }
  }
}

extension RankRecord {
  /// Reads a run's `ranks.jsonl` in the same way.
  public static func read(path: String, each: (RankRecord) -> Void) throws(RunFileError) {
    try readLines(path: path, every: 1, of: "a rank") {
      let record = try JSONDecoder().decode(RankRecord.self, from: Data($0))
      if let key = impossibleCount(in: record) { throw RunFileError("\(key) is no count") }
      return record
    } each: {
      each($0)
    }
  }
}

package func readLines<Record>(
  path: String, every: Int, of what: String, decode: ([UInt8]) throws -> Record,
  each: (Record) -> Void
) throws(RunFileError) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw RunFileError(path: path, cannot: "open it", code: errno) }
  defer { close(descriptor) }
  try readLines(of: descriptor, path: path) { (bytes, line, offset) throws(RunFileError) in
    guard (line - 1) % every == 0 else { return }
    guard let record = try? decode(bytes) else {
      throw RunFileError("\(path): line \(line), from byte \(offset) on, is no record of \(what)")
    }
    each(record)
  }
}

/// The lines of an open file with their numbers, from 1, and their first bytes' offsets; what
/// follows the last line end is left out.
package func readLines(
  of descriptor: Int32, path: String,
  each: (_ line: [UInt8], _ number: Int, _ offset: Int) throws(RunFileError) -> Void
) throws(RunFileError) {
  var lines = LineSplitter(limit: LineSplitter.usualLimit)
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  var (number, offset) = (0, 0)
  while true {
    let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw RunFileError(path: path, cannot: "read it", code: errno) }
    if count == 0 { return }
    for line in lines.add(buffer[..<count]) {
      number += 1
      try each(line, number, offset)
      offset += line.count + 1
    }
  }
}

extension RunDirectory {
  /// The step of the last whole line of `metrics.jsonl`; nil where there is none. Reads no more
  /// than a megabyte.
  public var lastRecordedStep: Int? {
    let descriptor = open(metrics, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, Int32(SEEK_END)))
    let start = max(0, size - LineSplitter.usualLimit)
    var bytes = [UInt8](repeating: 0, count: max(0, size - start))
    let count = bytes.withUnsafeMutableBytes {
      pread(descriptor, $0.baseAddress, $0.count, off_t(start))
    }
    guard count > 0 else { return nil }
    return bytes.prefix(count).split(separator: UInt8(ascii: "\n")).reversed().lazy.compactMap {
      JSONLinesFile.recordedStep(Array($0))
    }.first
  }
}
