import Glibc

// What a person is told, with numbers that `metrics.jsonl` has.
extension RunEvidence {
  func reasons(for kind: ConvergenceVerdict.Kind) -> [String] {
    switch kind {
    case .converging: [lossSentence, isFalling ? paceSentence : slownessSentence, normSentence].compactMap { $0 }
    case .diverging: [lossSentence, "It had been as low as \(short(lowestLoss.value)) in \(Self.place(lowestLoss.steps)).", normSentence]
    case .vanishing: [depthSentence, lossSentence, normSentence]
    case .oscillating: [lossSentence, normSentence, swingSentence].compactMap { $0 }
    default: [lossSentence, normSentence]
    }
  }

  private var lossSentence: String {
    // What rounding leaves of a straight or level line is not worth a number.
    let least = 1e-12 * abs(total.meanLoss)
    let (change, margin) = (
      abs(trend.change.value) < least ? 0 : trend.change.value, trend.change.halfWidth < least ? 0 : trend.change.halfWidth
    )
    let (first, last) = (groups[0], last)
    let verb = isFalling ? "fell" : isRising ? "rose" : "stayed flat:"
    return "In steps \(steps.inWords) the loss \(verb) from \(short(first.sums.meanLoss)) (mean of \(first.steps.inWords)) to "
      + "\(short(last.sums.meanLoss)) (\(last.steps.inWords)); the fitted change is \(short(change)) ± \(short(margin)). "
      + "It began at \(short(opening.meanLoss))."
  }

  /// How long the loss takes to halve at this pace.
  private var paceSentence: String? {
    let level = last.sums.meanLoss
    let perStep = -trend.slope * Double(trend.count) / Double(total.steps)
    guard level > 0, perStep > 0 else { return nil }
    let halving = level / 2 / perStep
    let run = Double(steps.upperBound)
    let times = halving / run
    let advice = times > 10 ? ", \(short(times.rounded())) times as many as the run had: the learning rate may be much too small" : ""
    return "At this pace the loss takes about \(short(halving.rounded())) steps to halve\(advice)."
  }

  /// Why a loss that does not fall visibly is called converging.
  private var slownessSentence: String? {
    guard let promise else { return nil }
    if promise == 0 {
      return "No update of these steps changed a weight: the learning rate is so small that Float32 rounds the updates away."
    }
    return "The updates of these steps could lower the loss by \(short(promise)) at most, which would hardly show: "
      + "the learning rate is too small, or the steps are too few."
  }

  private var normSentence: String {
    let now = gradientSquares.squareRoot()
    let most = "\(short(largestGradient.squares.squareRoot())) in \(Self.place(largestGradient.steps))"
    guard let signal, let floor else {
      return "The norm was \(short(now)) (root mean square), \(Self.share(normFraction)) of its largest, \(most); "
        + "with one part a step its noise is not resolved."
    }
    if isWholeData {
      return "The norm was \(short(now)) (root mean square), \(Self.share(normFraction)) of its largest, \(most), "
        + "and below what minibatch noise would make it, \(short(floor.squareRoot())): the batches are no random samples but all the data."
    }
    let parts =
      "Of the mean squared norm \(short(squaredNorm)), trΣ/B = \(short(floor)) is minibatch noise (from local_rms² − global²) and "
      + "|G|² = \(short(signal.value)) ± \(short(signal.halfWidth)) is gradient"
    if signal.value <= signal.halfWidth { return parts + ", which is not resolved from the noise; |G| was at most \(most)." }
    return parts + "; |G| = \(short(now)) is \(Self.share(normFraction)) of its largest, \(most)."
  }

  private var swingSentence: String? {
    let swing = stepCorrelation.flatMap { $0 < -0.3 ? "From step to step the loss swings (lag-1 correlation \(short($0))). " : nil } ?? ""
    guard let promise else { return swing.isEmpty ? nil : swing + "The learning rate is too high." }
    return swing + "The updates of these steps could have lowered the loss by up to \(short(promise)) and did not: they overshoot. "
      + "The learning rate is too high."
  }

  private var depthSentence: String {
    guard let gap, let openingGap, opening.squaredNorm > 0 else { return "The gradient was zero in the first step taken." }
    return
      "The first quarter of the tensors had \(short(pow(10, openingGap))) times the gradient norm of the last quarter in the first step, "
      + "and has \(short(pow(10, gap))) times as much in these "
      + "(geometric mean, against the larger of the last quarter's norms now and at first)."
  }

  private static func place(_ steps: ClosedRange<Int>) -> String {
    steps.count == 1 ? "step \(steps.lowerBound)" : "the mean of steps \(steps.inWords)"
  }

  private static func share(_ fraction: Double) -> String {
    fraction >= 0.995 ? "all" : "\(short(fraction < 0.0995 ? (fraction * 1000).rounded() / 10 : (fraction * 100).rounded())) %"
  }
}

extension ClosedRange<Int> {
  /// `41–60`, or `41` for one.
  var inWords: String { count == 1 ? "\(lowerBound)" : "\(lowerBound)–\(upperBound)" }
}

extension ConvergenceVerdict.Kind {
  var inWords: String { self == .noiseFloor ? "at the noise floor" : rawValue }
}
