/// What the ranks' own norms say of the minibatch noise in the judged steps.
///
/// It depends on how a step was divided, so it may explain a verdict and never decides one.
struct NoiseEvidence {
  /// T's mean, |G|² and trΣ/B in the judged steps.
  let squaredNorm: Double
  let signal: MeanEstimate
  let floor: Double
  /// The largest |G|² in the run.
  let largestSignal: (value: Double, steps: ClosedRange<Int>)

  /// Nil where not every group of steps has known noise.
  init?(_ groups: [StepSums], of all: [(value: StepSums, steps: ClosedRange<Int>)]) {
    let known = groups.compactMap(\.signal)
    let total = StepSums.total(groups)
    guard known.count == groups.count, let signal = MeanEstimate(known), let floor = total.floor
    else { return nil }
    self.signal = signal
    self.floor = floor
    squaredNorm = total.meanSquaredNorm
    largestSignal = all.compactMap { part in part.value.signal.map { (max($0, 0), part.steps) } }
      .max { $0.0 < $1.0 }!
  }

  /// T stays below half of what independent samples would make it: the batches are the whole data,
  /// so their spread is no noise of their mean.
  var isWholeData: Bool { squaredNorm < 0.5 * floor }

  /// The gradient is more than what noise may make of none.
  var isResolved: Bool { isWholeData || signal.value > signal.halfWidth }
}
