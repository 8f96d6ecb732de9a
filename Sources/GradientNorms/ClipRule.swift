/// How a gradient that is too long is shortened.
public enum ClipRule: Sendable, Equatable {
  case none
  /// The whole gradient is scaled so that its L2 norm is at most `maxNorm` (Pascanu et al. 2013, arXiv 1211.5063).
  case global(maxNorm: Double)

  /// The limit the norm is held against, if the rule has one.
  public var threshold: Double? {
    switch self {
    case .none: nil
    case .global(let maxNorm): maxNorm
    }
  }

  /// The factor for a gradient of this norm: `min(1, maxNorm / (norm + 1e-6))`, PyTorch's variant, so that runs compare number for number.
  public func coefficient(norm: Double) -> Double {
    switch self {
    case .none: 1
    case .global(let maxNorm): min(1, maxNorm / (norm + 1e-6))
    }
  }
}
