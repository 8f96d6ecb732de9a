import Glibc

extension StepRecord {
  /// The last records of a `metrics.jsonl`, oldest first: as few as hold `count` steps that were
  /// not skipped, or all.
  ///
  /// Reads the file's end only, a megabyte first and twice as much until it is enough.
  package static func last(taken count: Int, of path: String) throws(RunFileError) -> [StepRecord] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return [] }
      throw RunFileError(path: path, cannot: "open it", code: errno)
    }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, Int32(SEEK_END)))
    var length = min(size, 1 << 20)
    while true {
      let bytes = try bytes(of: descriptor, from: size - length, count: length, path: path)
      var lines = bytes.split(separator: UInt8(ascii: "\n"))
      // The first line's beginning may be missing.
      if length < size && !lines.isEmpty { lines.removeFirst() }
      var taken = 0
      let first = lines.lastIndex { line in
        if !isSkipped(line) { taken += 1 }
        return taken >= count
      }
      guard first != nil || length == size else {
        length = length > size / 2 ? size : 2 * length
        continue
      }
      return lines[(first ?? 0)...].compactMap { try? StepRecord(line: Array($0)) }
    }
  }

  private static func isSkipped(_ line: ArraySlice<UInt8>) -> Bool {
    line.firstRange(of: Array(#""action":"skip""#.utf8)) != nil
  }

  private static func bytes(of descriptor: Int32, from start: Int, count: Int, path: String)
    throws(RunFileError) -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let read = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + filled, count - filled, off_t(start + filled))
      }
      if read < 0 && errno == EINTR { continue }
      guard read >= 0 else { throw RunFileError(path: path, cannot: "read it", code: errno) }
      if read == 0 { break }
      filled += read
    }
    return Array(bytes.prefix(filled))
  }
}
