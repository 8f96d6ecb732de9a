/// Which vector a clip rule limits.
public enum ClipTarget: String, CaseIterable, Sendable {
  /// The mean gradient, before the optimiser sees it.
  case gradient
  /// What the optimiser makes of the gradient, before the weights take it in. Momentum and moments
  /// are those of the whole gradient.
  case update
}

/// What a clip rule made of a step's update, where it limits that instead of the gradient.
///
/// The update of a tensor is u = (w − w′)/rate: what the optimiser takes from its weights w at the
/// tensor's learning rate, in units of that rate.
public struct ClippedUpdate: Sendable, Equatable {
  /// ‖u‖ before clipping, L2, of all tensors; nil where it is not finite, which no rule limits.
  public var norm: Double?
  /// ‖u‖ after it.
  public var applied: Double?
  /// ‖u‖ of each tensor before clipping.
  public var tensorNorms: [Double]
  /// What each tensor's update is multiplied by.
  public var factors: ClipFactors
  public var threshold: Double?
  /// Whether the step counts as clipped.
  public var isClipped: Bool
  /// The groups of tensors that were clipped by a norm of their own.
  public var ownClips: [OwnClip]
}

extension StepPolicy {
  /// Decides how a step's update is scaled, from its squares by tensor, and remembers its norms:
  /// for ``ClipTarget/update``, in steps that are not skipped.
  public mutating func decideOnUpdate(_ updates: NormLedger) -> ClippedUpdate {
    let squares = (0..<updates.tensorCount).map { updates[.squares, $0] }
    let total = squares.reduce(0, +)
    let norms = squares.map { $0.squareRoot() }
    guard total.isFinite else {
      return ClippedUpdate(
        norm: nil, applied: nil, tensorNorms: norms, factors: .uniform(1), threshold: nil,
        isClipped: false, ownClips: [])
    }
    let (effect, ownClips) = clipped(updates)
    return ClippedUpdate(
      norm: total.squareRoot(), applied: effect.factors.norm(ofSquares: squares),
      tensorNorms: norms, factors: effect.factors, threshold: effect.threshold,
      isClipped: effect.isClip, ownClips: ownClips)
  }
}

extension StepDecision {
  /// The same decision with what became of the update that followed from it.
  public func with(_ update: ClippedUpdate?) -> StepDecision {
    guard let update else { return self }
    var decision = self
    decision.update = update
    if update.isClipped { decision.action = .clip }
    decision.ownClips = update.ownClips
    return decision
  }
}

extension ClipFactors {
  /// The norm of a vector after its tensors, whose squares these are, are multiplied.
  func norm(ofSquares squares: [Double]) -> Double {
    switch self {
    case .uniform(let factor): factor * squares.reduce(0, +).squareRoot()
    case .perTensor(let factors):
      zip(factors, squares).reduce(0) { $0 + $1.0 * $1.0 * $1.1 }.squareRoot()
    }
  }
}
