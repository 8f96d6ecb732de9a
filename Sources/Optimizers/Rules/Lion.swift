import CVectorKernels
import ExperimentKeys

/// `optimizer.kind = "lion"`: w ← w − lr·(sign(β₁m + (1 − β₁)g) + λw), then m ← β₂m + (1 − β₂)g
/// (Chen et al. 2023, arXiv 2302.06675).
///
/// Every weight moves by lr, so the usual rate is a tenth of Adam's and the decay ten times it.
public struct Lion: DecayingRule, Equatable {
  public static let kind = "lion"
  public static let summary = "Each weight moves by the rate, up or down."
  public static let usualRate = 0.0001
  public var beta1: Double
  public var beta2: Double
  public var weightDecay: Double

  public init(beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0.1) {
    (self.beta1, self.beta2, self.weightDecay) = (beta1, beta2, weightDecay)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    beta1 = try keys.momentWeight("beta1", default: 0.9, "memory of the direction")
    beta2 = try keys.momentWeight("beta2", default: 0.99, "memory of the moment")
    weightDecay = try keys.weightDecay(default: 0.1, "times the weights, outside the gradient")
  }

  public var momentNames: [String] { ["exp_avg"] }
  public var momentInvariant: MomentInvariant? {
    .geometric(memory: beta2, gain: 1 - beta2, decay: 0)
  }
  public var isAdaptive: Bool { true }
  public var normalizes: Bool { true }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_lion(
        step.weights, step.gradient, step.moment(0), step.count, step.rate, Float(step.factor),
        beta1, beta2, weightDecay))
  }
}
