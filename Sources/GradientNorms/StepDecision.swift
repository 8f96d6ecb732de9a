/// What every rank does with a step's gradient: a function of the reduced ledger, so the same
/// everywhere.
public struct StepDecision: Sendable, Equatable {
  public enum Action: Sendable, Equatable {
    case step
    /// The gradient is shortened before it is applied.
    case clip
    /// Weights and optimiser state stay as they are, to the bit.
    case skip(SkipReason)
  }

  public internal(set) var action: Action
  /// ‖g‖ before clipping, in the clip rule's order; nil where it is not finite or not known.
  public let norm: Double?
  /// The norm of what is applied of g, L2: after clipping, without frozen tensors; nil for a skipped
  /// step.
  public let applied: Double?
  /// The factors the update multiplies the gradient by.
  public let factors: ClipFactors
  /// The rule's limit, if it has one.
  public let threshold: Double?
  /// Whether √L alone proved that nothing would be clipped.
  public let isCertified: Bool
  /// The groups of tensors that were clipped by a norm of their own.
  public var ownClips: [OwnClip] = []
  /// ‖g‖ before clipping, L2, of the tensors that the update reaches; nil where these are all.
  public var reachedNorm: Double?
  /// What the rule made of the update, where it limits that; norms and factors above are then of a
  /// gradient that is not clipped.
  public internal(set) var update: ClippedUpdate?

  /// The one factor of the step, where there is one.
  public var coefficient: Double? { factors.common }
  public var isSkip: Bool { if case .skip = action { true } else { false } }

  /// The factor for a tensor.
  public func factor(ofTensor tensor: Int) -> Double { factors.factor(ofTensor: tensor) }
}

/// Why a step is skipped by all ranks.
public enum SkipReason: Sendable, Equatable {
  case nonFinite(NonFinite)
  /// The norm is so many times the recent median.
  case spike(norm: Double, median: Double)
  /// ‖g‖ is above Σ wᵢ‖gᵢ‖, which no sum of those gradients can be.
  case corruptedReduction(norm: Double, bound: Double)
  /// A gradient came out otherwise on another rank.
  case replayDiffers
}
