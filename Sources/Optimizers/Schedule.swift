import Glibc

/// The learning rate as a function of the step, of the number of steps T, and of the base rate.
///
/// Steps count from 1 to T; a step past T has the last step's rate. `final` is a rate, not a
/// fraction of the base. A step may be a fraction: where batches grow, a step counts for as many of
/// the first size as it has samples.
public enum Schedule: Sendable, Equatable {
  case constant
  /// Half a cosine (Loshchilov and Hutter 2017), base at step 1, `final` at step T: final + (base −
  /// final)·½(1 + cos(π·(step − 1)/(T − 1))). With T = 1 the only step has the base rate.
  case cosine(final: Double = 0)
  /// base·step/W up to step W, which has the base rate; then half a cosine that reaches `final` at
  /// step T: final + (base − final)·½(1 + cos(π·(step − W)/(T − W))). W = 0 counts as 1, which is
  /// ``cosine(final:)``; with W ≥ T all is warm-up.
  case warmupCosine(warmupSteps: Int, final: Double = 0)
  /// base·step/W up to step W, the base rate from there on.
  case warmup(steps: Int)

  public func rate(at step: Int, of totalSteps: Int, base: Double) -> Double {
    rate(at: Double(step), of: totalSteps, base: base)
  }

  public func rate(at step: Double, of totalSteps: Int, base: Double) -> Double {
    precondition(step >= 1, "steps count from 1")
    switch self {
    case .constant: return base
    case .cosine(let final):
      return Self.warmupCosine(warmupSteps: 1, final: final).rate(
        at: step, of: totalSteps, base: base)
    case .warmup(let steps): return step < Double(steps) ? base * step / Double(steps) : base
    case .warmupCosine(let warmupSteps, let final):
      let peak = Double(max(warmupSteps, 1))
      let step = min(step, Double(max(totalSteps, 1)))
      guard step > peak else { return base * step / peak }
      let progress = (step - peak) / (Double(totalSteps) - peak)
      return final + (base - final) * 0.5 * (1 + cos(.pi * progress))
    }
  }
}
