/// Where a run stands in its data: a value that a checkpoint keeps, so that a resumed run goes on
/// with the next sample.
public struct SampleCursor: Sendable, Equatable, Codable {
  /// Counted from 0.
  public private(set) var epoch = 0
  /// The next position in that epoch's order.
  public private(set) var position = 0
  /// Samples drawn so far, repeats counted.
  public private(set) var samples = 0

  public init() {}

  /// Draws the next global batch of at most `size` samples; the last batch of an epoch holds what
  /// is left.
  public mutating func next(_ size: Int, of sampleCount: Int) -> GlobalBatches.BatchRange {
    precondition(
      size > 0 && position < sampleCount,
      "\(sampleCount) samples cannot give \(size) from position \(position)")
    let slice = GlobalBatches.BatchRange(
      epoch: epoch, positions: position..<min(position + size, sampleCount))
    samples += slice.positions.count
    position = slice.positions.upperBound
    if position == sampleCount { (epoch, position) = (epoch + 1, 0) }
    return slice
  }
}
