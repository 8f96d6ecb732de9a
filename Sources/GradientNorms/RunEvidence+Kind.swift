// The decision: the tests of ``RunEvidence`` in a fixed order. Nothing here depends on how a step
// was divided.
extension RunEvidence {
  var kind: ConvergenceVerdict.Kind {
    if isAtZero { return .converged }
    if isMotionless { return .motionless }
    if isRising { return .diverging }
    if isVanishing { return .vanishing }
    if isFalling { return .converging }
    if overshoots { return .oscillating }
    guard isFlat else { return .tooShort }
    return kindOfFlat
  }

  /// Nothing is left to lower.
  private var isAtZero: Bool { last.sums.meanLoss == 0 && last.sums.squaredNorm == 0 }

  /// The gradient is there and the weights do not move.
  private var isMotionless: Bool {
    guard opening.squaredNorm > 0, normFraction > VerdictThresholds.small else { return false }
    guard total.updates > 0 else { return stepNoise == 0 && moved == 0 }
    let weights = total.weights / Double(total.updates)
    return total.path == 0 || path < VerdictThresholds.motionless * weights
      || promiseOfRun < VerdictThresholds.nothing * abs(level)
  }

  private var isVanishing: Bool {
    if opening.squaredNorm == 0 { return true }
    guard let gap, let openingGap, max(gap, openingGap) < VerdictThresholds.gap else {
      return false
    }
    if isFalling, -trend.change > VerdictThresholds.creep * abs(total.meanLoss) { return false }
    return total.meanLoss > 0.5 * opening.meanLoss
      || max(gap, openingGap) < VerdictThresholds.deepGap
  }

  /// The loss is flat: because all is learned, because noise hides what is left, or for want of
  /// steps.
  private var kindOfFlat: ConvergenceVerdict.Kind {
    if level < VerdictThresholds.finished * moved { return .converged }
    if !isNoisy && normFraction <= VerdictThresholds.small { return .converged }
    guard let promiseOfEach else { return isNoisy ? .noiseFloor : .tooShort }
    // Noise is what hides a single update's predictedDecrease, however small it is.
    let isHidden = isNoisy || promiseOfEach < VerdictThresholds.overshoot * stepNoise
    return isHidden && breaksItsPromise ? .noiseFloor : .tooShort
  }
}
