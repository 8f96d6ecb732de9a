/// The losses on held-out rows of a run of any length: at most 256 means of equally many consecutive
/// evaluations, and the lowest one.
///
/// When the means are full, neighbours are merged and the stride doubles.
public struct HeldOutSeries: Sendable, Equatable, Codable {
  public static let capacity = 256
  /// Means of `stride` evaluations; the last may be of fewer.
  public private(set) var parts: [Part] = []
  public private(set) var stride = 1

  /// Consecutive evaluations.
  public struct Part: Sendable, Equatable, Codable {
    /// The steps after which the first and the last of them were made.
    public var firstStep: Int
    public var lastStep: Int
    public var sum: Double
    public var count: Int

    public var mean: Double { sum / Double(count) }

    mutating func join(_ next: Part) {
      (lastStep, sum, count) = (next.lastStep, sum + next.sum, count + next.count)
    }
  }

  public init() {}

  /// Takes in an evaluation's loss, which is finite, in the order of steps.
  public mutating func append(_ loss: Double, at step: Int) {
    let part = Part(firstStep: step, lastStep: step, sum: loss, count: 1)
    if let last = parts.indices.last, parts[last].count < stride {
      return parts[last].join(part)
    }
    if parts.count >= Self.capacity {
      parts = Swift.stride(from: 0, to: parts.count, by: 2).map { index in
        var joined = parts[index]
        if index + 1 < parts.count { joined.join(parts[index + 1]) }
        return joined
      }
      stride *= 2
    }
    parts.append(part)
  }
}
