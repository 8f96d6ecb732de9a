/// How a gradient g changes the weights w at a learning rate lr, by PyTorch's definitions and defaults.
public enum OptimizerRule: Sendable, Equatable {
  /// w ← w − lr·(g + λw), λ the weight decay.
  case sgd(weightDecay: Double = 0)
  /// v ← μv + (g + λw), w ← w − lr·v: PyTorch's `SGD` without dampening, v starting at zero.
  case momentum(coefficient: Double = 0.9, weightDecay: Double = 0)
  /// Adam with decoupled decay (Loshchilov and Hutter 2019): w ← w − lr·λw; m, s ← exponential means of g and g²;
  /// w ← w − lr·m̂ / (√ŝ + ε), m̂ and ŝ being m / (1 − β₁ᵗ) and s / (1 − β₂ᵗ). The term of s is formed as ((1 − β₂)g)g, PyTorch's order: with
  /// β₂ = 0.999 it fits a Float32 up to |g| = 5.8e20, and beyond that is infinite, as there.
  case adamw(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01)

  /// Layer-wise adaptive rates (You et al. 2017, arXiv 1708.03888): v ← μv + λₖ(g + βw), w ← w − lr·v; λₖ is the caller's trust ratio, `trust` its κ.
  case lars(coefficient: Double = 0.9, trust: Double = 0.001, weightDecay: Double = 0)
  /// Layer-wise adaptive Adam (You et al. 2019, arXiv 1904.00962): u = m̂/(√ŝ + ε) + βw, w ← w − lr·λₖ·u; λₖ is the caller's trust ratio.
  case lamb(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-6, weightDecay: Double = 0.01)
  /// w ← w − lr·g, lr being the caller's distance over gradients (Ivgi et al. 2023, arXiv 2302.12022). Keeps the weights it started from.
  case dog(weightDecay: Double = 0)

  /// The rule's name in an experiment file.
  public var name: String {
    switch self {
    case .sgd: "sgd"
    case .momentum: "momentum"
    case .adamw: "adamw"
    case .lars: "lars"
    case .lamb: "lamb"
    case .dog: "dog"
    }
  }

  /// The state kept for each weight, under the names that PyTorch's optimisers give it.
  public var momentNames: [String] {
    switch self {
    case .sgd: []
    case .momentum: ["momentum_buffer"]
    case .adamw, .lamb: ["exp_avg", "exp_avg_sq"]
    case .lars: ["momentum_buffer"]
    case .dog: ["initial_weights"]
    }
  }
}
