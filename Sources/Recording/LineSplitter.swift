/// Cuts a stream of bytes into lines, however the bytes arrive.
///
/// A line longer than `limit` bytes is given in pieces of that size, so that a stream without line
/// ends cannot fill the memory.
public struct LineSplitter: Sendable {
  /// Longer than any line that Lockstep writes, in bytes.
  public static let usualLimit = 1 << 20

  private let limit: Int
  private var pending: [UInt8] = []

  public init(limit: Int) {
    precondition(limit > 0, "a line needs room for one byte")
    self.limit = limit
  }

  /// The lines that these bytes complete, without their line ends.
  public mutating func add(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    for byte in bytes {
      if byte == 0x0A {
        lines.append(pending)
        pending.removeAll(keepingCapacity: true)
      } else {
        pending.append(byte)
        if pending.count == limit {
          lines.append(pending)
          pending.removeAll(keepingCapacity: true)
        }
      }
    }
    return lines
  }

  /// What came after the last line end, when the stream has ended.
  public mutating func finish() -> [UInt8]? {
    defer { pending = [] }
    return pending.isEmpty ? nil : pending
  }
}
