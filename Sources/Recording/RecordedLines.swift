import Glibc

/// The lines of a file of records that a run can go on behind, and what is wrong with the file.
public struct RecordedLines: Sendable {
  /// What a file that nothing has damaged holds.
  public enum Wanted: Sendable, Equatable {
    /// Each step once, from the first on.
    case everyStep
    /// At least one line.
    case something
    case anything
  }

  /// Where each good line lies, its line end included.
  private var good: [Range<Int>] = []
  private let path: String
  let isThere: Bool
  /// What is wrong, in words; nil where nothing is.
  private(set) var damage: String?

  /// Reads the file as far as its steps are at most `step`.
  init(of path: String, upTo step: Int, wanted: Wanted) throws(RunFileError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    isThere = descriptor >= 0
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw RunFileError(path: path, cannot: "open it", code: errno) }
      if wanted != .anything && step > 0 {
        damage = "it is not there, and its lines of the steps up to \(step) are lost"
      }
      return
    }
    defer { close(descriptor) }
    var last = 0
    var bad: [Int] = []
    var missing: [ClosedRange<Int>] = []
    var good: [Range<Int>] = []
    try readLines(of: descriptor, path: path) { (line, number, offset) throws(RunFileError) in
      guard let found = JSONLinesFile.recordedStep(line), found >= last,
        found > last || wanted != .everyStep
      else {
        bad.append(number)
        return
      }
      if found > step { return }
      if wanted == .everyStep && found > last + 1 { missing.append(last + 1...found - 1) }
      last = found
      good.append(offset..<offset + line.count + 1)
    }
    self.good = good
    if wanted == .everyStep && last < step { missing.append(last + 1...step) }
    damage = Self.words(
      bad: bad, missing: missing, isEmpty: wanted == .something && good.isEmpty && step > 0)
  }

  private static func words(bad: [Int], missing: [ClosedRange<Int>], isEmpty: Bool) -> String? {
    var parts: [String] = []
    if let first = bad.first {
      parts.append(
        bad.count == 1
          ? "line \(first) is no record" : "line \(first) and \(bad.count - 1) more are no records")
    }
    if let first = missing.first {
      let count = missing.reduce(0) { $0 + $1.count }
      let steps =
        first.count == 1
        ? "step \(first.lowerBound)" : "steps \(first.lowerBound) to \(first.upperBound)"
      parts.append(
        "\(steps)\(missing.count > 1 ? " and others, \(count) in all," : "") \(count == 1 ? "is" : "are") missing"
      )
    }
    if parts.isEmpty && isEmpty { parts.append("it holds no record") }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// Writes the good lines; returns their length in bytes.
  func copy(to target: Int32, path targetPath: String) throws(RunFileError) -> Int {
    guard isThere, !good.isEmpty else { return 0 }
    let source = open(path, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw RunFileError(path: path, cannot: "open it", code: errno) }
    defer { close(source) }
    var length = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    for range in Self.joined(good) {
      var place = range.lowerBound
      while place < range.upperBound {
        let wanted = min(buffer.count, range.upperBound - place)
        let count = buffer.withUnsafeMutableBytes {
          pread(source, $0.baseAddress, wanted, off_t(place))
        }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
          throw RunFileError(
            path: path, cannot: "read it at byte \(place)", code: count < 0 ? errno : EIO)
        }
        var written = 0
        while written < count {
          let more = buffer.withUnsafeBytes {
            write(target, $0.baseAddress! + written, count - written)
          }
          if more < 0 && errno == EINTR { continue }
          guard more >= 0 else {
            throw RunFileError(
              path: targetPath, cannot: "write \(count - written) bytes at byte \(length)",
              code: errno)
          }
          written += more
          length += more
        }
        place += count
      }
    }
    return length
  }

  /// Neighbours as one piece.
  private static func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    for range in ranges {
      if let last = pieces.last, last.upperBound == range.lowerBound {
        pieces[pieces.count - 1] = last.lowerBound..<range.upperBound
      } else {
        pieces.append(range)
      }
    }
    return pieces
  }
}
