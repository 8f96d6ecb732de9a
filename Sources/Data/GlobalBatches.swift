/// How the steps of a run cut its epochs into global batches; the last batch of an epoch holds what
/// is left.
public struct GlobalBatches: Sendable, Equatable {
  /// One step's part of an epoch's order.
  public struct BatchRange: Sendable, Equatable {
    /// Counted from 0.
    public let epoch: Int
    /// Positions in that epoch's order of samples.
    public let positions: Range<Int>

    public init(epoch: Int, positions: Range<Int>) {
      self.epoch = epoch
      self.positions = positions
    }
  }

  public let sampleCount: Int
  public let globalBatch: Int

  public init(sampleCount: Int, globalBatch: Int) {
    precondition(
      sampleCount > 0 && globalBatch > 0,
      "\(sampleCount) samples cannot be cut into batches of \(globalBatch)")
    self.sampleCount = sampleCount
    self.globalBatch = globalBatch
  }

  public var stepsPerEpoch: Int { (sampleCount + globalBatch - 1) / globalBatch }

  /// What the step with this index, counted from 0 over the whole run, trains on.
  public subscript(step: Int) -> BatchRange {
    let (epoch, index) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    let start = index * globalBatch
    return BatchRange(epoch: epoch, positions: start..<min(start + globalBatch, sampleCount))
  }

  /// The samples that the first `steps` steps of a run have trained on, repeats counted.
  public func samples(inFirst steps: Int) -> Int {
    let (epochs, rest) = steps.quotientAndRemainder(dividingBy: stepsPerEpoch)
    return epochs * sampleCount + rest * globalBatch
  }
}
