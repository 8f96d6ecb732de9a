import Glibc

/// Collects, step by step, what a verdict needs, in bounded memory; kept in checkpoints.
///
/// It is fed with reduced values alone, in the same order on every rank, so its bits are equal
/// everywhere.
public struct ConvergenceTracker: Sendable, Equatable, Codable {
  private(set) var series = BlockSeries()
  /// The losses on rows that are not trained on; nil where none were evaluated.
  private(set) var heldOut: HeldOutSeries?
  /// The first step that was taken, alone.
  private(set) var opening: StepSums?
  private(set) var firstStep: Int?
  private(set) var lowestLoss: Extreme?
  private(set) var highestLoss: Extreme?
  /// Steps that were skipped because something was not finite, and how many of them are the last
  /// ones.
  private(set) var nonFinite = 0
  private(set) var nonFiniteInARow = 0
  /// The step before this one, where it was taken.
  private var previous: Previous?

  /// A value and the step that had it.
  struct Extreme: Sendable, Equatable, Codable {
    var step: Int
    var value: Double
  }

  private struct Previous: Sendable, Equatable, Codable {
    var loss: Double
    var norm: Double
    /// The rate times the norm of what was applied: how long plain gradient descent's step is. Nil
    /// in older checkpoints.
    var descent: Double?
  }

  public init() {}

  public var steps: Int { series.steps }

  /// Takes in a step and its learning rate. The ledger's `squaredUpdate` belongs to the step
  /// before, as the trainer reduces it.
  public mutating func record(_ ledger: NormLedger, _ decision: StepDecision, rate: Double) {
    var sums = StepSums()
    sums.steps = 1
    // An update whose norm is not known left the weights' norm out too; one that changed nothing
    // did not.
    if let previous, ledger[.squaredUpdate] > 0 || ledger[.squaredWeights] > 0,
      ledger[.squaredUpdate] + ledger[.squaredWeights] < Self.largest
    {
      let update = ledger[.squaredUpdate].squareRoot()
      sums.predictedDecrease = update * previous.norm
      sums.path = update
      sums.descent = previous.descent ?? 0
      sums.weights = ledger[.squaredWeights].squareRoot()
      sums.updates = 1
    }
    defer { series.append(sums) }
    if case .skip(let reason) = decision.action {
      previous = nil
      if case .nonFinite = reason {
        nonFinite += 1
        nonFiniteInARow += 1
      }
      return
    }
    nonFiniteInARow = 0
    let total = ledger.squaredNorm
    let loss = ledger.meanLoss + ledger[.penalty]
    guard abs(loss) < Self.largest.squareRoot(), total < Self.largest else { return previous = nil }
    sums.taken = 1
    sums.loss = loss
    sums.squaredLoss = loss * loss
    sums.squaredNorm = total
    sums.rate = rate
    if let previous {
      sums.squaredLossChange = (loss - previous.loss) * (loss - previous.loss)
      sums.pairs = 1
    }
    if let floor = Self.noise(ledger, decision) {
      (sums.resolved, sums.resolvedSquaredNorm, sums.noise) = (1, total, floor)
    }
    if ledger.tensorCount >= Self.shallow {
      let count = ledger.tensorCount
      sums.firstTensors = Self.logarithm(ledger, 0..<count / 4)
      sums.lastTensors = Self.logarithm(ledger, count - count / 4..<count)
      sums.deep = 1
    }
    previous = Previous(
      loss: loss, norm: decision.reachedNorm ?? total.squareRoot(),
      descent: decision.applied.map { rate * $0 })
    let step = series.steps + 1
    if opening == nil { (opening, firstStep) = (sums, step) }
    if loss < lowestLoss?.value ?? .infinity { lowestLoss = Extreme(step: step, value: loss) }
    if loss > highestLoss?.value ?? -.infinity { highestLoss = Extreme(step: step, value: loss) }
  }

  /// Takes in the loss on held-out rows after a step; one that is not finite is left out.
  public mutating func record(heldOut loss: Double, at step: Int) {
    guard abs(loss) < Self.largest.squareRoot() else { return }
    var series = heldOut ?? HeldOutSeries()
    series.append(loss, at: step)
    heldOut = series
  }

  /// trΣ/B of a step; nil with one part or sample alone, or where the parts were clipped before they were
  /// summed.
  private static func noise(_ ledger: NormLedger, _ decision: StepDecision) -> Double? {
    guard let parts = ledger.noiseParts,
      decision.action != .clip || (decision.norm != nil && ledger.layout.parts != .sampled)
    else { return nil }
    return (parts.meanSquares - ledger.squaredPartsNorm) / (parts.count - 1)
  }

  /// log₁₀ of these tensors' gradient norm; −40 where it is smaller or zero.
  private static func logarithm(_ ledger: NormLedger, _ tensors: Range<Int>) -> Double {
    0.5 * log10(max(1e-80, tensors.reduce(0) { $0 + ledger[.squares, $1] }))
  }

  /// Beyond this, sums of squares might overflow: as good as not finite.
  private static let largest = 1e290

  /// Fewer tensors than this are at most three layers with biases.
  private static let shallow = 8
}
