import Glibc

// The rules of ``ConvergenceVerdict``, in their order.
extension ConvergenceTracker {
  /// Judges the run so far. `stopped` says that a signal ended it before its last step.
  public func verdict(stopped: Bool) -> ConvergenceVerdict {
    guard stopped else { return judge() }
    let soFar = judge()
    return ConvergenceVerdict(
      kind: .stopped,
      reasons: [
        "A signal ended the run after step \(steps); until then it was \(soFar.kind.inWords)."
      ] + soFar.reasons)
  }

  /// Whether the gradient of the judged steps stands out from its noise, as the reasons say; nil
  /// where the noise is not known.
  public var isGradientResolved: Bool? {
    guard let opening, let firstStep,
      let noise = RunEvidence.of(series, opening: opening, firstStep)?.noise
    else { return nil }
    return noise.isResolved && !noise.isWholeData
  }

  private func judge() -> ConvergenceVerdict {
    guard let opening, let firstStep else {
      return steps == 0
        ? ConvergenceVerdict(kind: .tooShort, reasons: ["No step was taken."])
        : ConvergenceVerdict(
          kind: .diverged, reasons: ["None of the \(steps) steps had a finite loss and gradient."])
    }
    if let reasons = endedNonFinite { return ConvergenceVerdict(kind: .diverged, reasons: reasons) }
    guard let evidence = RunEvidence.of(series, opening: opening, firstStep) else {
      let (first, last) = (opening.meanLoss, series.parts.last { $0.taken > 0 }!.meanLoss)
      return ConvergenceVerdict(
        kind: .tooShort,
        reasons: [
          "The loss went from \(formatted(first)) to \(formatted(last)) in \(steps) steps, too few to judge by."
        ])
    }
    let kind = evidence.kind
    if let reasons = explosion(evidence, kind) {
      return ConvergenceVerdict(kind: .diverged, reasons: reasons)
    }
    if [.converging, .converged, .noiseFloor, .tooShort].contains(kind),
      let overfitting = OverfittingEvidence(heldOut, series)
    {
      return ConvergenceVerdict(
        kind: .overfitting, reasons: overfitting.reasons + evidence.reasons(for: kind))
    }
    return ConvergenceVerdict(kind: kind, reasons: evidence.reasons(for: kind))
  }

  /// The end of the run was not finite.
  private var endedNonFinite: [String]? {
    let third = series.parts.suffix(max(series.parts.count / 3, 10))
    let (steps, skipped) = third.reduce((0, 0)) { ($0.0 + $1.steps, $0.1 + $1.steps - $1.taken) }
    let reason: String
    if nonFiniteInARow >= 3 {
      reason =
        "The last \(nonFiniteInARow) of \(self.steps) steps had a loss or a gradient that is not finite."
    } else if nonFinite >= 3, 2 * skipped > steps {
      reason =
        "Of the last \(steps) steps, \(skipped) were skipped, and "
        + "\(nonFinite) of the run's steps had a loss or a gradient that is not finite."
    } else {
      return nil
    }
    guard let highestLoss, let opening else { return [reason] }
    return [
      reason,
      "The loss of the first step taken was \(formatted(opening.meanLoss)), "
        + "the largest \(formatted(highestLoss.value)) in step \(highestLoss.step).",
    ]
  }

  /// The loss has grown out of all proportion.
  private func explosion(_ evidence: RunEvidence, _ kind: ConvergenceVerdict.Kind) -> [String]? {
    guard let highestLoss, let lowestLoss else { return nil }
    let first = evidence.opening.meanLoss
    let unit = max(abs(first), first - evidence.lowestLoss.value)
    let now = evidence.last.sums.meanLoss
    let found =
      "the lowest was \(formatted(lowestLoss.value)) in step \(lowestLoss.step), "
      + "the highest \(formatted(highestLoss.value)) in step \(highestLoss.step)."
    if now - evidence.lowestLoss.value > 10 * unit {
      return [
        "The loss rose from \(formatted(first)) to \(formatted(now)), the mean of steps \(evidence.last.steps.inWords); \(found)"
      ]
    }
    let creeps = kind == .converging && -evidence.trend.change < VerdictThresholds.creep * abs(now)
    let isStill =
      creeps || [.converged, .noiseFloor, .vanishing, .tooShort, .motionless].contains(kind)
    // A jump, not the spread of samples.
    let jump = highestLoss.value - first
    if isStill, jump > unit, jump > 8 * evidence.stepNoise, now > first - 0.05 * unit {
      return [
        "The loss exploded and came back to where it began: \(formatted(first)) at first, "
          + "\(formatted(now)) in steps \(evidence.last.steps.inWords); \(found)"
      ]
    }
    return nil
  }
}
