import CVectorKernels
import ExperimentKeys

/// `optimizer.kind = "lars"`: layer-wise adaptive rates (You et al. 2017, arXiv 1708.03888): v ← μv
/// + λₖ(g + βw), w ← w − lr·v; λₖ = κ‖w‖/(‖g‖ + β‖w‖), β the weight decay.
public struct LARS: DecayingRule, Equatable {
  public static let kind = "lars"
  public static let summary = "Momentum with rates by layer, for large batches."
  public static let usualRate = 1.0
  public var coefficient: Double
  /// κ
  public var trust: Double
  public var weightDecay: Double

  public init(coefficient: Double = 0.9, trust: Double = 0.001, weightDecay: Double = 0) {
    (self.coefficient, self.trust, self.weightDecay) = (coefficient, trust, weightDecay)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    trust = try keys.number(
      "trust", default: 0.001, wanted: "a number above 0",
      "length of a tensor's step in parts of its norm"
    ) { $0 > 0 }
    coefficient = try keys.momentWeight("momentum", default: 0.9, "μ, the weight of earlier steps")
    weightDecay = try keys.weightDecay()
  }

  public var momentNames: [String] { ["momentum_buffer"] }
  public var needs: OptimizerNeeds { .gradientNorms }
  public var normalizes: Bool { true }

  /// 1 where either norm is 0: a layer that starts at zero must be able to move.
  public func trustRatio(weights: Double, norm: Double) -> Double {
    weights > 0 && norm > 0 ? trust * weights / (norm + weightDecay * weights) : 1
  }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_momentum(
        step.weights, step.gradient, step.moment(0), step.count, Float(step.rate),
        Float(step.factor) * Float(step.trust), Float(coefficient),
        Float(weightDecay * step.trust)))
  }
}

extension OptimizerRule where Self == LARS {
  public static func lars(coefficient: Double = 0.9, trust: Double = 0.001, weightDecay: Double = 0)
    -> LARS
  {
    LARS(coefficient: coefficient, trust: trust, weightDecay: weightDecay)
  }
}
