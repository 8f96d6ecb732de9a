/// What a run's losses and norms say of how it went, with the reasons.
///
/// The kind reads only what no division of the work changes: losses (with their penalty), ‖g‖, the
/// norms of the updates, rates, and which steps were taken. One trajectory has one verdict at any
/// number of ranks. Noise that only several ranks show may explain it, in `reasons`.
///
/// Judged is the last third of the run, by steps and by learning rate (so that a schedule that ends
/// at zero is not taken for rest), at least its last ten steps, against the whole run; where that
/// leaves open whether the loss moves, the last two thirds, then all. Every number that a test
/// compares with is in `VerdictThresholds`. The tests, in their order:
///
/// - `stopped`: a signal ended the run. The reasons say what it was doing.
/// - `diverged`: no step was finite, or the last three or more were not, or more than half of the
///   last third's were not; or the loss has gone up, from its lowest level, by ten times the larger
///   of what it began with and what it had fallen by; or it jumped by more than once that, and
///   rests where it began or above (a net whose units died).
/// - `too-short`: fewer than three steps.
/// - `converged`: the loss is exactly 0, and so is the gradient.
/// - `motionless`: the gradient is there, and the updates are zero, or all of them together are
///   nothing against the weights, or predictedDecrease nothing against the loss.
/// - `diverging`: the loss rises: the 99 % interval of its fitted change is above zero, and the
///   change is more than the band.
/// - `vanishing`: the loss is near where it began and falls by less than 2 % of its value, and the
///   first quarter of the tensors has had less than a thousandth of the last quarter's gradient
///   from the first step on; or the gradient was zero from the first step on.
/// - `converging`: the loss falls: the 99 % interval is below zero, and it is not shown to be flat,
///   or the change is what the updates predictedDecrease. The *predictedDecrease*, Σ‖Δw‖‖g‖, is
///   what updates would lower the loss by if it were a plane and they went straight down.
/// - `oscillating`: the gradient is not small and the loss swings from step to step (its
///   correlation with the step before is negative beyond chance); or each update promises several
///   times the noise of the loss, and nothing comes: they overshoot.
/// - *flat*, which the next two need, is an equivalence test: the 95 % interval of the change lies
///   within the band, 5 % of the loss's level and a tenth of what it has moved. A loss that neither
///   falls nor rises nor is shown to be flat makes the run `too-short`.
/// - `noise-floor`: the loss is flat and noisy, and the updates predictedDecrease more than came,
///   and more than could have been missed: what is left of the gradient is mostly noise, and a
///   smaller rate or a larger batch is what would help. Updates that predictedDecrease too little
///   to show leave that open: `too-short`.
/// - `converged`: the loss is flat without noise and the gradient is at most a tenth of the largest
///   it was; or less than a thousandth of the loss is left. A plateau is the same to first order:
///   norms cannot distinguish a saddle from a minimum.
/// - `overfitting`, in the place of `converging`, `converged`, `noise-floor` and of a `too-short` that
///   is for want of evidence: rows that are not trained on were evaluated, their loss rises from its
///   lowest while the training loss falls, both for certain and by more than the band of *flat*
///   (`OverfittingEvidence`).
public struct ConvergenceVerdict: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable, Codable {
    case tooShort = "too-short"
    case motionless, overfitting, converged, converging
    case noiseFloor = "noise-floor"
    case oscillating, diverging, diverged, vanishing, stopped
  }

  public let kind: Kind
  /// Sentences with numbers and step ranges that can be checked against `metrics.jsonl`.
  public let reasons: [String]

  public init(kind: Kind, reasons: [String]) {
    self.kind = kind
    self.reasons = reasons
  }
}
