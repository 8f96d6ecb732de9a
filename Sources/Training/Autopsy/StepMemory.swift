import Data
import GradientNorms
import Optimizers
import Vectors

/// What an autopsy compares an alarmed step with: kept from step to step, at the cost of a few
/// operations a tensor.
struct StepMemory {
  /// A step that was taken and had nothing odd, to be computed again.
  struct Healthy {
    let slice: GlobalBatches.BatchRange
    let step: Int
    /// √L, the root mean square of the parts' norms.
    let localRMS: Double
  }

  static let window = 64
  private(set) var healthy: Healthy?
  private(set) var updates = UpdateBand()
  /// Of each tensor in the optimiser's first moment, where its rule has such a bound.
  private(set) var momentBounds: [Double]?
  private var localRMS: [Double] = []
  private var recorded = 0
  private let invariant: MomentInvariant?

  init(_ rule: any OptimizerRule, tensors: Int) {
    invariant = rule.momentInvariant
    momentBounds = [Double](repeating: 0, count: tensors)
    if invariant?.bound(after: 0, gradient: 0, weights: 0) == nil { momentBounds = nil }
  }

  /// The optimiser's state was taken over, with such norms by tensor.
  mutating func restore(moments norms: [Double]) {
    if momentBounds != nil { momentBounds = norms }
  }

  /// The median of √L over the last steps that were taken, or of a few steps ago; nil before the
  /// first.
  private(set) var usualRMS: Double?

  /// Takes in a step, before its update, if it is not skipped.
  mutating func record(
    _ ledger: NormLedger, _ decision: StepDecision, slice: GlobalBatches.BatchRange, step: Int
  ) {
    updates.record(
      squaredUpdate: ledger[.squaredUpdate], squaredWeights: ledger[.squaredWeights])
    guard !decision.isSkip else { return }
    recordNorm(ledger.localRMS, slice: slice, step: step)
    guard let invariant, momentBounds != nil else { return }
    let weights = 1.1 * ledger[.squaredWeights].squareRoot()
    for tensor in 0..<ledger.tensorCount {
      let gradient = decision.factor(ofTensor: tensor) * ledger.norm(ofTensor: tensor)
      momentBounds![tensor] =
        invariant.bound(after: momentBounds![tensor], gradient: gradient, weights: weights) ?? 0
    }
  }

  private mutating func recordNorm(
    _ rms: Double, slice: GlobalBatches.BatchRange, step: Int
  ) {
    guard rms > 0 else { return }
    if localRMS.count < Self.window {
      localRMS.append(rms)
    } else {
      localRMS[recorded % Self.window] = rms
    }
    recorded += 1
    // Sorting takes longer than all else here.
    if recorded < 8 || recorded % 8 == 0 { usualRMS = quantile(0.5, of: localRMS) }
    if let usualRMS, rms <= 2 * usualRMS {
      healthy = Healthy(slice: slice, step: step, localRMS: rms)
    }
  }
}
