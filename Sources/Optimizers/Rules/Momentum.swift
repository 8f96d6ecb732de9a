import CVectorKernels
import ExperimentKeys

/// `optimizer.kind = "momentum"`: v ← μv + (g + λw), w ← w − lr·v: PyTorch's `SGD` without
/// dampening, v starting at zero.
public struct Momentum: DecayingRule, Equatable {
  public static let kind = "momentum"
  public static let summary = "v ← μv + g + decay·w, w ← w − rate·v."
  public static let usualRate = 0.05
  public var coefficient: Double
  public var weightDecay: Double

  public init(coefficient: Double = 0.9, weightDecay: Double = 0) {
    (self.coefficient, self.weightDecay) = (coefficient, weightDecay)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    coefficient = try keys.momentWeight(
      "momentum", default: 0.9, "μ, the weight of earlier gradients")
    weightDecay = try keys.weightDecay()
  }

  public var momentNames: [String] { ["momentum_buffer"] }
  public var momentInvariant: MomentInvariant? {
    .geometric(memory: coefficient, gain: 1, decay: weightDecay)
  }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_momentum(
        step.weights, step.gradient, step.moment(0), step.count, Float(step.rate),
        Float(step.factor), Float(coefficient), Float(weightDecay)))
  }
}

extension OptimizerRule where Self == Momentum {
  public static func momentum(coefficient: Double = 0.9, weightDecay: Double = 0) -> Momentum {
    Momentum(coefficient: coefficient, weightDecay: weightDecay)
  }
}
