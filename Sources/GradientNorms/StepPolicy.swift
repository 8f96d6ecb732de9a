/// Turns a step's reduced ledger into what all ranks do, and remembers what its detectors need.
///
/// Only finite norms of steps that were taken enter any memory, so no NaN can poison a detector.
public struct StepPolicy: Sendable {
  public struct Memory: Sendable, Equatable, Codable {
    /// The clip rule's.
    public var clip = StateValue.none
    var recentNorms: [Double] = []
    public fileprivate(set) var skipsInARow = 0
    /// Steps in which √L proved that the clip would not act.
    public fileprivate(set) var certified = 0

    public init() {}
  }

  public let scope: ClipScope
  /// What the rule limits.
  public let target: ClipTarget
  public let skip: SkipPolicy
  private var clip: ClipPolicy
  /// The policies in force where tensors are clipped in groups.
  private var grouped: GroupedClip?
  private var rest = Memory()

  /// The spike test waits for this many taken steps, and looks back on at most `window`.
  static let (settled, window) = (32, 128)
  /// By how much ‖g‖ may exceed its bound: the rounding of sums in Float32.
  static let slack = 1e-4

  /// A policy before the first step. `groups` says which tensors are clipped together; nil for
  /// all, which alone the scopes `worker` and `bound` allow.
  public init(
    rule: any ClipRule, scope: ClipScope = .meanGradient, of target: ClipTarget = .gradient,
    skip: SkipPolicy = SkipPolicy(), tensorSizes: [Int], groups: ClipGroups? = nil
  ) {
    precondition(
      scope == .meanGradient || groups == nil && target == .gradient,
      "groups of tensors, and updates, are clipped in scope mean-gradient")
    (self.scope, self.target) = (scope, target)
    self.skip = skip
    clip = ClipPolicy(rule, tensorSizes: tensorSizes)
    grouped = groups.map { GroupedClip(rule, $0, tensorSizes: tensorSizes) }
  }

  public var rule: any ClipRule { clip.rule }
  public var mustStop: Bool { rest.skipsInARow >= skip.skipLimit }

  public var memory: Memory {
    get {
      var memory = rest
      memory.clip = grouped?.state ?? clip.state
      return memory
    }
    set {
      rest = newValue
      rest.clip = .none
      if grouped == nil { clip.state = newValue.clip } else { grouped!.state = newValue.clip }
    }
  }

  /// Decides. `fault` is what else was found wrong with the step; `early`, in scope `bound`, is the
  /// decision that was taken before the gradients were summed: it stands.
  public mutating func decide(
    _ ledger: NormLedger, early: StepDecision? = nil, fault: SkipReason? = nil
  ) -> StepDecision {
    if let reason = reasonToSkip(ledger) ?? fault {
      rest.skipsInARow += 1
      return StepDecision(
        action: .skip(reason), norm: reason.norm, applied: nil, factors: .uniform(0),
        threshold: nil, isCertified: false)
    }
    let norm = ledger.norm
    rest.skipsInARow = 0
    // A median of 0 would make a spike of every step.
    if norm > 0 { rest.recentNorms.append(norm) }
    if rest.recentNorms.count > Self.window { rest.recentNorms.removeFirst() }
    let decision =
      switch scope {
      case .meanGradient: decideOnMean(ledger)
      case .worker: decideOnWorkers(ledger)
      case .sample: decideOnSamples(ledger)
      case .bound: early.map { complete($0, norm) } ?? decideEarly(ledger)
      }
    if decision.isCertified { rest.certified += 1 }
    return decision
  }

  /// Decides from the local norms alone, before the gradients are summed: scope `bound`.
  public func decideEarly(_ ledger: NormLedger) -> StepDecision {
    guard let limit = rule.limit, ledger.nonFinite == nil else {
      return StepDecision(
        action: .step, norm: nil, applied: nil, factors: .uniform(1), threshold: nil,
        isCertified: false)
    }
    let coefficient = clipCoefficient(norm: ledger.localRMS, limit: limit)
    return StepDecision(
      action: coefficient < 1 ? .clip : .step, norm: nil, applied: nil,
      factors: .uniform(coefficient), threshold: limit,
      isCertified: coefficient == 1)
  }

  /// What elements of each tensor are limited to before the step's norms are decided on, from the
  /// largest magnitudes: for ``ClipNeeds/largestElements``.
  public func limits(ofLargest largest: [Double]) -> [Double] {
    grouped?.limits(ofLargest: largest) ?? clip.limits(ofLargest: largest)
  }

  /// What the rule makes of norms, with a memory for each group of tensors.
  mutating func clipped(_ ledger: NormLedger) -> (effect: ClipEffect, own: [OwnClip]) {
    if grouped == nil { return (clip.decide(ledger), []) }
    return grouped!.decide(ledger)
  }

  private mutating func decideOnMean(_ ledger: NormLedger) -> StepDecision {
    // A rule for the update decides when there is one: the gradient stays as it is.
    let rule: any ClipRule = target == .update ? NoClip() : clip.rule
    let (effect, ownClips) = target == .update ? (ClipEffect(), []) : clipped(ledger)
    var squares = (0..<ledger.tensorCount).map { ledger[.squares, $0] }
    let frozen = grouped?.groups.frozen ?? []
    for tensor in frozen { squares[tensor] = 0 }
    let total = squares.reduce(0, +)
    let applied: Double
    let acts: Bool
    if rule.needs.contains(.elements) {
      let after = (0..<ledger.tensorCount).map {
        frozen.contains($0) ? 0 : ledger[.appliedSquares, $0]
      }
      applied = effect.factors.norm(ofSquares: after)
      acts = effect.factors.shortens || after.reduce(0, +) < total
    } else {
      applied = effect.factors.norm(ofSquares: squares)
      acts = effect.factors.shortens
    }
    var certified = false
    // With a penalty in the mean gradient, √L is no bound of it.
    if let limit = rule.limit, rule.order == .two, ledger.layout.parts == .ofMean {
      certified = ledger.localRMS + 1e-6 <= limit
    }
    return StepDecision(
      action: effect.acts ?? acts ? .clip : .step, norm: ledger.norm(rule.order), applied: applied,
      factors: effect.factors, threshold: effect.threshold,
      isCertified: certified, ownClips: ownClips,
      reachedNorm: frozen.isEmpty ? nil : total.squareRoot())
  }

  /// The ranks have clipped already. √L proves nothing of the longest of the local gradients.
  private func decideOnWorkers(_ ledger: NormLedger) -> StepDecision {
    guard let limit = rule.limit else {
      fatalError("scope worker is for rules with a limit that does not move")
    }
    return decision(
      onClipped: ledger, if: clipCoefficient(norm: ledger[.localNorm].value, limit: limit) < 1)
  }

  /// The samples' gradients are clipped already.
  private func decideOnSamples(_ ledger: NormLedger) -> StepDecision {
    decision(onClipped: ledger, if: ledger[.clippedSamples] > 0)
  }

  /// What was to be clipped was clipped before the reduction, `isClipped` at all. What the mean
  /// gradient's norm would have been is known only where it was measured apart.
  private func decision(onClipped ledger: NormLedger, if isClipped: Bool) -> StepDecision {
    let exact = ledger[.exactSquares]
    return StepDecision(
      action: isClipped ? .clip : .step, norm: exact > 0 ? exact.squareRoot() : nil,
      applied: ledger.norm, factors: .uniform(1), threshold: rule.limit, isCertified: false)
  }

  private func complete(_ early: StepDecision, _ norm: Double) -> StepDecision {
    StepDecision(
      action: early.action, norm: norm, applied: early.coefficient.map { $0 * norm },
      factors: early.factors, threshold: early.threshold,
      isCertified: early.isCertified)
  }

  private func reasonToSkip(_ ledger: NormLedger) -> SkipReason? {
    if let nonFinite = ledger.nonFinite { return .nonFinite(nonFinite) }
    let summed = ledger.partsNorm
    if scope != .worker, summed > ledger.meanLocalNorm * (1 + Self.slack) + 1e-30 {
      return .corruptedReduction(norm: summed, bound: ledger.meanLocalNorm)
    }
    if let spike = skip.spike, rest.recentNorms.count >= Self.settled {
      let median = quantile(0.5, of: rest.recentNorms)
      if ledger.norm > spike * median { return .spike(norm: ledger.norm, median: median) }
    }
    return nil
  }
}

extension SkipReason {
  /// The step's norm, where it is a number.
  var norm: Double? {
    switch self {
    case .nonFinite, .replayDiffers: nil
    case .spike(let norm, _), .corruptedReduction(let norm, _): norm
    }
  }
}
