/// What a run's losses and norms say of how it went, with the reasons.
///
/// Judged is the last third of the run, by steps and by learning rate (so that a schedule that ends at zero is not taken for rest), at
/// least its last ten steps, against the whole run; where that leaves a change open that would count, the last two thirds. The gradient's
/// size is the noise-corrected |G| = √max(T − trΣ/B, 0) where a step has two or more parts, ‖g‖ = √T where not; trΣ/B is the floor that
/// minibatch noise keeps T at. The loss counts with its penalty; it *falls* or *rises* if the 99 % interval of its fitted change says so
/// and the change is more than 2 % (to rise: 5 %) of all that the loss has moved in the run, and is *flat* otherwise; a fall by a tenth of
/// its own size counts too. In this order:
///
/// - `stopped`: a signal ended the run. The reasons say what it was doing.
/// - `diverged`: no step was finite, or the last three or more were not, or more than half of the last third's were not; or the loss has
///   gone up, from its lowest level, by ten times the larger of what it began with and what it had fallen by; or it jumped by more than
///   once that, and rests where it began or above (a net whose units died).
///   One or two steps that are not finite at the end do not make it so.
/// - `diverging`: the loss rises.
/// - `vanishing`: the loss is flat, or falls by less than 2 % of its value, from near where it began, and the first quarter of the tensors
///   has had less than a thousandth of the last quarter's gradient from the first step on; or the gradient was zero from the first step on.
/// - `converging`: the loss falls. The reasons say how many steps it takes to halve at this pace.
/// - `converging`, again: the loss is flat within its interval, the gradient is not, and the updates are so small that what they promised,
///   Σ‖Δw‖·|G|, would not have shown. A run that is flat from its start with a healthy gradient is this: the reasons say that its rate
///   is too small, or its steps too few.
/// - `oscillating`: the loss is flat, the gradient is larger than the noise explains, and the updates promised far more than came. At rest
///   SGD has |G|²/(trΣ/B) = ηλ/(2 − ηλ), more than 1 exactly if its steps overshoot the minimum (ηλ > 1). With one part a step: the loss
///   swings from step to step (negative lag-1 correlation), or does not swing at all, or little, against what each update promises.
/// - `noise-floor`: the loss is flat and T has come down to trΣ/B (|G|² below it): what is left of the norm is noise, and a smaller rate or
///   a larger batch is what would help. With one part a step: the norm has stopped falling and the loss is noisy.
/// - `converged`: the loss is flat and the gradient is at most a tenth of the largest it was, without being held up by noise: full batches,
///   or data that the model fits so well that the noise has vanished too. A plateau is the same to first order: norms cannot tell a saddle
///   from a minimum.
public struct ConvergenceVerdict: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case converged, converging
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
