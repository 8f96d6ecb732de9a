/// How a gradient that is too long is shortened.
///
/// Rules that scale the gradient decide from the reduced ledger; `value` and `agc` change single elements or rows and are applied to the
/// mean gradient before its squares after clipping are counted.
public enum ClipRule: Sendable, Equatable {
  case none
  /// The whole gradient is scaled so that its norm is at most `maxNorm` (Pascanu et al. 2013, arXiv 1211.5063).
  case global(maxNorm: Double, order: NormOrder = .two)
  /// Each tensor is scaled on its own, to budgets whose squares add up to `maxNorm`².
  case perLayer(maxNorm: Double, budget: Budget)
  /// Every element is limited to ±`limit`.
  case value(limit: Double)
  /// Each unit u (a row of a tensor, or a tensor of one dimension) is scaled so that ‖Gᵤ‖ ≤ λ·max(‖Wᵤ‖, floor) (Brock et al. 2021, arXiv 2102.06171).
  case agc(ratio: Double, floor: Double)
  /// The limit is a percentile of the norms of the last `window` steps, this one included (Seetharaman et al. 2020, AutoClip).
  case percentile(percent: Double, window: Int)
  /// The limit follows a running mean and deviation of the norm (Kumar et al. 2025, ZClip, arXiv 2504.02507).
  case zscore(ZScore)
  /// The gradient always gets the norm `norm`, longer or shorter.
  case normalize(norm: Double)
  /// Each tensor's limit is `ratio` times a running mean of its own clipped norms (OLMo).
  case ema(ratio: Double, memory: Double)

  public enum Budget: String, CaseIterable, Sendable {
    /// Cₖ = C/√K
    case uniform
    /// Cₖ = C·√(Dₖ/D), D counting elements
    case size
  }

  /// ZClip's settings, with the paper's defaults.
  public struct ZScore: Sendable, Equatable {
    public var memory = 0.97
    public var threshold = 2.5
    public var warmup = 25
    /// A limit that holds whatever the statistics say.
    public var maxNorm: Double?

    public init(memory: Double = 0.97, threshold: Double = 2.5, warmup: Int = 25, maxNorm: Double? = nil) {
      self.memory = memory
      self.threshold = threshold
      self.warmup = warmup
      self.maxNorm = maxNorm
    }
  }

  /// The norm the rule measures.
  public var order: NormOrder { if case .global(_, let order) = self { order } else { .two } }

  /// Whether the rule changes single elements or rows, so that the norm after it has to be counted apart.
  public var isElementwise: Bool {
    switch self {
    case .value, .agc: true
    default: false
    }
  }

  /// Whether √L ≥ ‖g‖ can prove that the rule will not act.
  public var canBeCertified: Bool { if case .global(_, .two) = self { true } else { false } }

  /// PyTorch's coefficient, `min(1, limit / (norm + 1e-6))`: runs compare number for number.
  public static func coefficient(norm: Double, limit: Double) -> Double { min(1, limit / (norm + 1e-6)) }
}

/// Where the clip acts.
public enum ClipScope: String, CaseIterable, Sendable {
  /// On the mean gradient, by its exact norm.
  case meanGradient = "mean-gradient"
  /// On each rank's gradient before the reduction, by its own norm.
  case worker
  /// On the mean gradient, by √L ≥ ‖g‖, which is known before the gradients are summed.
  case bound
}
