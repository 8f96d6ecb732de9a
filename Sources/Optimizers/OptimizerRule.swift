/// How a gradient g changes the weights w at a learning rate lr, by PyTorch's definitions and defaults.
public enum OptimizerRule: Sendable, Equatable {
  /// w ← w − lr·(g + λw), λ the weight decay.
  case sgd(weightDecay: Double = 0)
  /// v ← μv + (g + λw), w ← w − lr·v: PyTorch's `SGD` without dampening, v starting at zero.
  case momentum(coefficient: Double = 0.9, weightDecay: Double = 0)
  /// Adam with decoupled decay (Loshchilov and Hutter 2019): w ← w − lr·λw; m, s ← exponential means of g and g²;
  /// w ← w − lr·m̂ / (√ŝ + ε), m̂ and ŝ being m / (1 − β₁ᵗ) and s / (1 − β₂ᵗ).
  case adamw(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01)

  /// The rule's name in an experiment file.
  public var name: String {
    switch self {
    case .sgd: "sgd"
    case .momentum: "momentum"
    case .adamw: "adamw"
    }
  }

  /// The state kept for each weight, under the names that PyTorch's optimisers give it.
  public var momentNames: [String] {
    switch self {
    case .sgd: []
    case .momentum: ["momentum_buffer"]
    case .adamw: ["exp_avg", "exp_avg_sq"]
    }
  }
}
