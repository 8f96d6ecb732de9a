import Glibc

// What people read: sentences with numbers that `metrics.jsonl` has. A figure that is not resolved
// is not printed.
extension RunEvidence {
  func reasons(for kind: ConvergenceVerdict.Kind) -> [String] {
    let own: [String?] =
      switch kind {
      case .tooShort: [shortnessSentence]
      case .motionless: [restSentence]
      case .converging: [paceSentence]
      case .diverging:
        ["It had been as low as \(formatted(lowestLoss.value)) in \(Self.place(lowestLoss.steps))."]
      case .vanishing: [depthSentence]
      case .oscillating: [swingSentence]
      case .noiseFloor: [floorSentence]
      default: [isAtEnd ? endSentence : nil]
      }
    return ([lossSentence] + own + [normSentence, noiseSentence]).compactMap { $0 }
  }

  private var lossSentence: String {
    // What rounding leaves of a straight or level line is not worth a number.
    let least = 1e-12 * abs(total.meanLoss)
    func figure(_ value: Double) -> String { formatted(abs(value) < least ? 0 : value) }
    let (first, last) = (groups[0], last)
    let from = "\(formatted(first.sums.meanLoss)) (mean of \(first.steps.inWords))"
    let to = "\(formatted(last.sums.meanLoss)) (\(last.steps.inWords))"
    let fit = "the fitted change is \(figure(trend.change)) ± \(figure(trend.halfWidth(.of99)))"
    let course =
      if isFalling {
        "the loss fell from \(from) to \(to); \(fit)"
      } else if isRising {
        "the loss rose from \(from) to \(to); \(fit)"
      } else if isFlat, !hasFallen {
        "the loss stayed flat, \(from) and \(to); the change, \(figure(trend.change)) ± \(figure(trend.halfWidth(.of95))) (95 %), "
          + "lies within ±\(formatted(band))"
      } else {
        "the loss went from \(from) to \(to); \(fit)"
      }
    return "In steps \(steps.inWords) \(course). It began at \(formatted(opening.meanLoss))."
  }

  /// More than a tenth of the loss is gone since the first of the judged steps.
  private var hasFallen: Bool { last.sums.meanLoss < 0.9 * groups[0].sums.meanLoss }

  private var shortnessSentence: String {
    if isFlat {
      guard let predictedDecrease else {
        return "The gradient is there and the loss does not move: more steps would say why."
      }
      return
        "The updates of these steps could lower the loss by \(formatted(predictedDecrease)) at most, which would hardly show: "
        + "the learning rate is too small, or the steps are too few."
    }
    let advice =
      predictedDecrease.map { !breaksItsPromise && $0 < band } ?? false
      ? "; the learning rate may be too small" : ""
    return
      "Whether it falls or is flat (a change within ±\(formatted(band))) these steps do not say: more are needed\(advice)."
  }

  private var restSentence: String {
    guard total.updates > 0, total.path > 0 else {
      return
        "No update of these steps changed a weight: the learning rate or a clip makes them so small that Float32 rounds them away."
    }
    return
      "All updates of the run together, \(formatted(path)) long, are \(formatted(path / total.weights * Double(total.updates))) of the weights' norm, "
      + "and could lower the loss by \(formatted(promiseOfRun)) at most: the learning rate or a clip makes them too small."
  }

  /// How long the loss takes to halve at this pace, where the pace is known to a third and the rate
  /// has not ended.
  private var paceSentence: String? {
    let level = last.sums.meanLoss
    let rate = last.sums.rate / Double(last.sums.taken)
    if rate < 0.1 * largestRate {
      return
        "The learning rate has come down to \(formatted(rate)): at this rate little more is to come."
    }
    let half = groups.count / 2
    let fall = -trend.change * trend.share(ofLast: half)
    let perStep = fall / Double(groups.suffix(half).reduce(0) { $0 + $1.sums.steps })
    guard lowestLoss.value >= 0, level > 0, perStep > 0, trend.halfWidth(.of99) < -trend.change / 3
    else { return nil }
    let halving = (level / 2 / perStep).rounded()
    // Sooner than the steps that were looked at: the curve bends before.
    guard halving >= Double(groups.count) else { return nil }
    let times = halving / Double(steps.upperBound)
    let advice =
      times > 10
      ? ", \(formatted(times.rounded())) times as many as the run had: the learning rate may be much too small"
      : ""
    return "At this pace the loss takes about \(formatted(halving)) steps to halve\(advice)."
  }

  private var floorSentence: String {
    guard let predictedDecrease else {
      return
        "The loss differs from step to step by \(formatted(stepNoise)): that is the samples' noise."
    }
    return
      "The updates of these steps promised up to \(formatted(predictedDecrease)) and nothing came, while the loss differs from step to step by "
      + "\(formatted(stepNoise)): what is left of the gradient is mostly noise of the samples. A smaller rate or a larger batch is what would help."
  }

  private var swingSentence: String? {
    let swing =
      swings
      ? "From step to step the loss swings (lag-1 correlation \(formatted(stepCorrelation ?? 0))). "
      : ""
    guard let predictedDecrease, breaksItsPromise else {
      return swing + "The learning rate is too high."
    }
    return swing
      + "The updates of these steps could have lowered the loss by up to \(formatted(predictedDecrease)) and did not: they overshoot. "
      + "The learning rate is too high."
  }

  private var isAtEnd: Bool {
    last.sums.meanLoss == 0 || (level > 0 && level < VerdictThresholds.finished * moved)
  }
  private var endSentence: String {
    last.sums.meanLoss == 0 && last.sums.squaredNorm == 0
      ? "The loss is exactly 0, and so is the gradient: nothing is left to lower."
      : "Of \(formatted(highestLoss.value)) less than a thousandth is left."
  }

  private var normSentence: String {
    let most =
      "\(formatted(largestSquaredNorm.value.squareRoot())) in \(Self.place(largestSquaredNorm.steps))"
    return
      "The norm was \(formatted(squaredNorm.squareRoot())) (root mean square), \(Self.share(normFraction)) of its largest, \(most)."
  }

  /// What the ranks' own norms say of it.
  private var noiseSentence: String? {
    guard let noise else { return nil }
    if noise.isWholeData {
      return
        "It is below what minibatch noise would make it, \(formatted(noise.floor.squareRoot())): the batches are no random samples but "
        + "all the data."
    }
    let parts =
      "Of the mean squared norm \(formatted(noise.squaredNorm)), trΣ/B = \(formatted(noise.floor)) is minibatch noise (from the spread of the parts' gradients)"
    guard noise.isResolved else { return parts + "; a gradient within it is not resolved." }
    let now = noise.signal.value.squareRoot()
    return parts
      + " and |G|² = \(formatted(noise.signal.value)) ± \(formatted(noise.signal.halfWidth)) is gradient; |G| = \(formatted(now)) is "
      + "\(Self.share((noise.signal.value / noise.largestSignal.value).squareRoot())) of its largest, "
      + "\(formatted(noise.largestSignal.value.squareRoot())) in \(Self.place(noise.largestSignal.steps))."
  }

  private var depthSentence: String {
    guard let gap, let openingGap, opening.squaredNorm > 0 else {
      return "The gradient was zero in the first step taken."
    }
    return
      "The first quarter of the tensors had \(formatted(pow(10, openingGap))) times the gradient norm of the last quarter in the first step, "
      + "and has \(formatted(pow(10, gap))) times as much in these "
      + "(geometric mean, against the larger of the last quarter's norms now and at first)."
  }

  private static func place(_ steps: ClosedRange<Int>) -> String {
    steps.count == 1 ? "step \(steps.lowerBound)" : "the mean of steps \(steps.inWords)"
  }

  private static func share(_ fraction: Double) -> String {
    fraction >= 0.995
      ? "all"
      : "\(formatted(fraction < 0.0995 ? (fraction * 1000).rounded() / 10 : (fraction * 100).rounded())) %"
  }
}

extension ClosedRange<Int> {
  /// `41–60`, or `41` for one.
  var inWords: String { count == 1 ? "\(lowerBound)" : "\(lowerBound)–\(upperBound)" }
}

extension ConvergenceVerdict.Kind {
  var inWords: String {
    switch self {
    case .noiseFloor: "at the noise floor"
    case .tooShort: "too short to judge"
    default: rawValue
    }
  }
}
