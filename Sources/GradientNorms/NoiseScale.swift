import Glibc

/// The size of the gradient's signal and noise, estimated from the local and the global squared
/// norms.
///
/// With bᵢ samples in part i, B in all and N₊ parts that have any, E‖gᵢ‖² = |G|² + trΣ/bᵢ and E‖g‖²
/// = |G|² + trΣ/B. Hence, without bias for any division of the batch, trΣ = (L − T)·B/(N₊ − 1) and
/// |G|² = T − trΣ/B. (McCandlish et al. 2018, arXiv 1812.06162, appendix A.1, is the case of equal
/// batches.) Where samples are measured, each is a part: the estimate with the least variance, and
/// one that does not depend on the number of ranks. The noise scale trΣ/|G|² is the ratio of the two running means, never a mean of
/// ratios.
public struct NoiseScale: Sendable, Equatable, Codable {
  /// The weight of the past in the running means.
  public let memory: Double
  private var signalSum = 0.0
  private var varianceSum = 0.0
  /// The running sums of the squares of the steps' |G|² and of their weights; nil in checkpoints
  /// that did not keep them.
  private var squareSum: Double?
  private var squaredWeights: Double?
  /// 1 − memoryⁿ: what the running means have seen, for Adam's kind of bias correction.
  private var seen = 0.0

  public init(memory: Double = 0.98) { self.memory = memory }

  /// Takes in a step's norms. A step with fewer than two parts says nothing of the noise.
  public mutating func record(_ ledger: NormLedger) {
    guard ledger.nonFinite == nil, ledger.hasPartsNorm, let parts = ledger.noiseParts else {
      return
    }
    record(
      squares: ledger.squaredPartsNorm, ofParts: parts.meanSquares, parts: parts.count,
      samples: ledger.samples)
  }

  /// Takes in the squared norm of a step's mean gradient, or of a part of its tensors, and the mean
  /// of those of the gradients that it is the mean of.
  mutating func record(
    squares total: Double, ofParts meanSquares: Double, parts: Double, samples: Double
  ) {
    let variance = (meanSquares - total) * samples / (parts - 1)
    guard variance.isFinite else { return }
    let signal = total - variance / samples
    if seen == 0 { (squareSum, squaredWeights) = (0, 0) }
    squareSum = squareSum.map { memory * $0 + (1 - memory) * signal * signal }
    squaredWeights = squaredWeights.map { memory * memory * $0 + (1 - memory) * (1 - memory) }
    signalSum = memory * signalSum + (1 - memory) * signal
    varianceSum = memory * varianceSum + (1 - memory) * variance
    seen = memory * seen + (1 - memory)
  }

  /// Whether so many steps were seen that one of them no longer decides: half the weight of the
  /// running means.
  public var isSettled: Bool { seen >= 0.5 }

  /// What ‖gᵢ‖² is to be expected for a part of this many samples: |G|² + trΣ/bᵢ. Nil before
  /// anything was recorded.
  public func expectedSquares(samples: Int) -> Double? {
    guard let signal, let variance, samples > 0 else { return nil }
    return max(signal, 0) + variance / Double(samples)
  }

  /// |G|², the squared norm of the true gradient; may come out negative where it is small against the noise.
  public var signal: Double? { seen > 0 ? signalSum / seen : nil }
  /// trΣ, the variance of one sample's gradient, summed over the parameters.
  public var variance: Double? { seen > 0 ? varianceSum / seen : nil }
  /// Whether |G|² is more than twice its standard error: what is printed as a number has to be.
  ///
  /// Like a mean of n steps, a running mean has the variance of one step times Σw²/(Σw)². Fewer
  /// than eight steps' worth say nothing of it.
  public var isResolved: Bool {
    guard let signal, let squareSum, let squaredWeights else { return false }
    let share = squaredWeights / (seen * seen)
    guard share < 1.0 / 8 else { return false }
    let variance = max(0, squareSum / seen - signal * signal) / (1 - share)
    return signal > 2 * (variance * share).squareRoot()
  }

  /// ``scale`` where the signal is resolved: the one that records and reports have.
  public var resolvedScale: Double? { isResolved ? scale : nil }

  /// trΣ/|G|²: the batch size at which noise and signal are equal; nil where the signal comes out
  /// negative.
  public var scale: Double? {
    guard let signal, let variance, signal > 0 else { return nil }
    return variance / signal
  }
}
