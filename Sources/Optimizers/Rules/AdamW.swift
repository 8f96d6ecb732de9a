import CVectorKernels
import ExperimentKeys
import Vectors

/// `optimizer.kind = "adamw"`: Adam with decoupled decay (Loshchilov and Hutter 2019): w ← w −
/// lr·λw; m, s ← exponential means of g and g²; w ← w − lr·m̂ / (√ŝ + ε), m̂ and ŝ being m / (1 −
/// β₁ᵗ) and s / (1 − β₂ᵗ).
///
/// The term of s is formed as ((1 − β₂)g)g, PyTorch's order: with β₂ = 0.999 it fits a Float32 up
/// to |g| = 5.8e20, and beyond that is infinite, as there.
public struct AdamW: DecayingRule, Equatable {
  public static let kind = "adamw"
  public static let summary = "Adam with decoupled weight decay."
  public static let usualRate = 0.001
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  /// - Precondition: `epsilon` is above 0 as a Float32: the zeros between tensors would become 0/0.
  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01
  ) {
    precondition(Float(epsilon) > 0, "Adam needs an epsilon above zero")
    (self.beta1, self.beta2, self.epsilon, self.weightDecay) = (beta1, beta2, epsilon, weightDecay)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    beta1 = try keys.momentWeight("beta1", default: 0.9, "memory of the mean gradient")
    beta2 = try keys.momentWeight("beta2", default: 0.999, "memory of the mean square")
    epsilon = try keys.epsilon(default: 1e-8)
    weightDecay = try keys.weightDecay(default: 0.01, "times the weights, outside the gradient")
  }

  public var momentNames: [String] { ["exp_avg", "exp_avg_sq"] }
  public var momentInvariant: MomentInvariant? { MomentInvariant.ofMeans(beta1, beta2) }
  public var isAdaptive: Bool { true }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_adamw(
        step.weights, step.gradient, step.moment(0), step.moment(1), step.count, step.rate,
        Float(step.factor), beta1, beta2, epsilon, weightDecay,
        1 - power(beta1, step.number), 1 - power(beta2, step.number)))
  }
}

extension OptimizerRule where Self == AdamW {
  public static func adamw(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01
  ) -> AdamW {
    AdamW(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
  }
}
