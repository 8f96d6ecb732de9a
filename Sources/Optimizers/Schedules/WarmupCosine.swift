import ExperimentKeys
import Glibc

/// `schedule.kind = "warmup-cosine"`: base·step/W up to step W, which has the base rate; then half a
/// cosine that reaches `final` at step T: final + (base − final)·½(1 + cos(π·(step − W)/(T − W))).
///
/// W = 0 counts as 1, which is ``CosineDecay``; with W ≥ T all is warm-up.
public struct WarmupCosine: Schedule, Equatable {
  public static let kind = "warmup-cosine"
  public static let summary = "The rate rises linearly, then falls along half a cosine."
  public var warmupSteps: Int
  /// A rate, not a fraction of the base.
  public var final: Double

  public init(warmupSteps: Int, final: Double = 0) {
    (self.warmupSteps, self.final) = (warmupSteps, final)
  }

  public init(_ keys: inout ExperimentReader, rate: Double) throws(ExperimentError) {
    warmupSteps = try keys.warmupSteps()
    final = try keys.finalRate(below: rate)
  }

  public func rate(at step: Double, of totalSteps: Int, base: Double) -> Double {
    precondition(step >= 1, "steps count from 1")
    let peak = Double(max(warmupSteps, 1))
    let step = min(step, Double(max(totalSteps, 1)))
    guard step > peak else { return base * step / peak }
    let progress = (step - peak) / (Double(totalSteps) - peak)
    return final + (base - final) * 0.5 * (1 + cos(.pi * progress))
  }
}

extension Schedule where Self == WarmupCosine {
  public static func warmupCosine(warmupSteps: Int, final: Double = 0) -> WarmupCosine {
    WarmupCosine(warmupSteps: warmupSteps, final: final)
  }
}
