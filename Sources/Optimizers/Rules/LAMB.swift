import CVectorKernels
import ExperimentKeys
import Vectors

/// `optimizer.kind = "lamb"`: layer-wise adaptive Adam (You et al. 2019, arXiv 1904.00962): u =
/// m̂/(√ŝ + ε) + βw, w ← w − lr·λₖ·u; λₖ = ‖w‖/‖u‖.
public struct LAMB: DecayingRule, Equatable {
  public static let kind = "lamb"
  public static let summary = "Adam with rates by layer, for large batches."
  public static let usualRate = 0.001
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  /// - Precondition: `epsilon` is above 0 as a Float32: the zeros between tensors would become 0/0.
  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-6, weightDecay: Double = 0.01
  ) {
    precondition(Float(epsilon) > 0, "Adam needs an epsilon above zero")
    (self.beta1, self.beta2, self.epsilon, self.weightDecay) = (beta1, beta2, epsilon, weightDecay)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    beta1 = try keys.momentWeight("beta1", default: 0.9, "memory of the mean gradient")
    beta2 = try keys.momentWeight("beta2", default: 0.999, "memory of the mean square")
    epsilon = try keys.epsilon(default: 1e-6)
    weightDecay = try keys.weightDecay(default: 0.01, "times the weights, outside the gradient")
  }

  public var momentNames: [String] { ["exp_avg", "exp_avg_sq"] }
  public var momentInvariant: MomentInvariant? { MomentInvariant.ofMeans(beta1, beta2) }
  public var needs: OptimizerNeeds { .directionNorms }
  public var isAdaptive: Bool { true }
  public var normalizes: Bool { true }

  /// 1 where either norm is 0: a layer that starts at zero must be able to move.
  public func trustRatio(weights: Double, norm: Double) -> Double {
    weights > 0 && norm > 0 ? weights / norm : 1
  }

  public func direct(_ step: UpdateStep) -> Double {
    cvk_lamb_direction(
      step.weights, step.gradient, step.moment(0), step.moment(1), step.count, step.factor, beta1,
      beta2, epsilon, weightDecay,
      1 - power(beta1, step.number), 1 - power(beta2, step.number))
  }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_sgd(step.weights, step.gradient, step.count, Float(step.rate * step.trust), 1, 0))
  }
}

extension OptimizerRule where Self == LAMB {
  public static func lamb(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-6, weightDecay: Double = 0.01
  ) -> LAMB {
    LAMB(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
  }
}
