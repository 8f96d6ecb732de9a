import ExperimentKeys

/// `schedule.kind = "cosine"`: half a cosine (Loshchilov and Hutter 2017), base at step 1, `final` at
/// step T: final + (base − final)·½(1 + cos(π·(step − 1)/(T − 1))). With T = 1 the only step has the
/// base rate.
public struct CosineDecay: Schedule, Equatable {
  public static let kind = "cosine"
  public static let summary = "The rate falls along half a cosine."
  /// A rate, not a fraction of the base.
  public var final: Double

  public init(final: Double = 0) { self.final = final }

  public init(_ keys: inout ExperimentReader, rate: Double) throws(ExperimentError) {
    final = try keys.finalRate(below: rate)
  }

  public func rate(at step: Double, of totalSteps: Int, base: Double) -> Double {
    WarmupCosine(warmupSteps: 1, final: final).rate(at: step, of: totalSteps, base: base)
  }
}

extension Schedule where Self == CosineDecay {
  public static func cosine(final: Double = 0) -> CosineDecay { CosineDecay(final: final) }
}
