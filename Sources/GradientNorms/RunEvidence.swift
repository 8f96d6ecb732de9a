import Glibc

/// What a run's end says of its loss and its gradient, compared with the whole run.
///
/// Intervals come from at most 24 means of consecutive steps (batch means), so that the correlation
/// of neighbouring steps is inside the means and what is left of it is allowed for (``Trend``).
struct RunEvidence {
  /// A level and the steps that had it.
  typealias Level = (value: Double, steps: ClosedRange<Int>)

  /// The steps that are judged.
  let steps: ClosedRange<Int>
  let groups: [(steps: ClosedRange<Int>, sums: StepSums)]
  let total: StepSums
  let opening: StepSums
  let trend: Trend
  /// The largest and the smallest loss among the first step's and the means of the run's blocks.
  let highestLoss: Level
  let lowestLoss: Level
  /// T's mean in the judged steps, and its largest mean in the run.
  let squaredNorm: Double
  let largestSquaredNorm: Level
  /// Σ‖Δw‖ of the whole run, and what that promises.
  let path: Double
  let promiseOfRun: Double
  /// The largest mean rate of a block.
  let largestRate: Double
  /// What the ranks say of the noise; it explains, and decides nothing.
  let noise: NoiseEvidence?

  /// Of the last third or, where that leaves open whether the loss moves, of the last two thirds or
  /// of all.
  static func of(_ series: BlockSeries, opening: StepSums, _ firstStep: Int) -> RunEvidence? {
    guard let third = RunEvidence(series, opening: opening, firstStep, thirds: 1) else {
      return nil
    }
    var best = third
    for thirds in 2...3 where !best.isConclusive {
      guard let more = RunEvidence(series, opening: opening, firstStep, thirds: thirds) else {
        break
      }
      // What moved only before does not speak of the end.
      if (more.isFalling || more.isRising)
        && more.trend.share(ofLast: more.groups.count / 2) < VerdictThresholds.lately
      {
        break
      }
      best = more
    }
    return best.isConclusive ? best : third
  }

  /// How many parts, from the end, make up so many thirds of the steps and of the learning rates:
  /// where a schedule lets the rate go to zero, steps at the end change little, and a loss that
  /// rests there does so for that reason.
  private static func tail(of parts: [StepSums], thirds: Int) -> Int {
    let bySteps = parts.count * thirds / 3
    let wanted = StepSums.total(parts).rate * Double(thirds) / 3
    var rate = 0.0
    let byRate = parts.reversed().prefix { part in
      defer { rate += part.rate }
      return rate < wanted
    }.count
    return max(bySteps, byRate)
  }

  /// Nil where fewer than three steps, or means of them, are there.
  private init?(_ series: BlockSeries, opening: StepSums, _ firstStep: Int, thirds: Int) {
    let parts = series.parts
    let wanted = max(Self.tail(of: parts, thirds: thirds), min(parts.count, 10))
    let size = (wanted + 23) / 24
    var groups: [(steps: ClosedRange<Int>, sums: StepSums)] = []
    var end = series.steps
    for index in stride(from: parts.count, to: parts.count - wanted / size * size, by: -size) {
      let sums = StepSums.total(parts[index - size..<index])
      if sums.taken > 0 { groups.append((end - sums.steps + 1...end, sums)) }
      end -= sums.steps
    }
    groups.reverse()
    guard let trend = Trend(groups.map(\.sums.meanLoss)) else { return nil }
    self.groups = groups
    self.trend = trend
    self.opening = opening
    steps = groups[0].steps.lowerBound...groups[groups.count - 1].steps.upperBound
    total = StepSums.total(groups.map(\.sums))
    // The first step counts alone: a block's mean may hide how high the run began.
    var (all, step) = ([(value: opening, steps: firstStep...firstStep)], 0)
    for part in parts {
      if part.taken > 0 { all.append((part, step + 1...step + part.steps)) }
      step += part.steps
    }
    let losses = all.map { Level($0.value.meanLoss, $0.steps) }
    lowestLoss = losses.min { $0.value < $1.value }!
    highestLoss = losses.max { $0.value < $1.value }!
    squaredNorm = total.meanSquaredNorm
    largestSquaredNorm = all.map { Level($0.value.meanSquaredNorm, $0.steps) }.max {
      $0.value < $1.value
    }!
    path = parts.reduce(0) { $0 + $1.path }
    promiseOfRun = parts.reduce(0) { $0 + $1.predictedDecrease }
    largestRate = parts.map { $0.taken > 0 ? $0.rate / Double($0.taken) : 0 }.max() ?? 0
    noise = NoiseEvidence(groups.map(\.sums), of: all)
  }

  var last: (steps: ClosedRange<Int>, sums: StepSums) { groups[groups.count - 1] }
}

// MARK: The loss

extension RunEvidence {
  /// The size of the loss in the judged steps; where losses may be negative, of what it has moved,
  /// since then zero means nothing.
  var level: Double { lowestLoss.value < 0 ? max(abs(total.meanLoss), moved) : total.meanLoss }
  /// How far the loss has moved in the run.
  var moved: Double { highestLoss.value - lowestLoss.value }
  /// Whether that is more than the noise of its steps.
  private var movedVisibly: Bool { moved > VerdictThresholds.visible * stepNoise }

  /// A change of the loss that is smaller does not count.
  var band: Double {
    let byLevel = VerdictThresholds.levelBand * level
    return max(
      movedVisibly ? min(byLevel, VerdictThresholds.movedBand * moved) : byLevel,
      VerdictThresholds.rounding * moved)
  }

  /// The loss's change is shown to lie within the band.
  var isFlat: Bool { abs(trend.change) + trend.halfWidth(.of95) <= band }

  /// The loss falls, for certain, and is not shown to be flat; or it falls as its updates
  /// predictedDecrease.
  var isFalling: Bool {
    guard trend.change + trend.halfWidth(.of99) < 0, -trend.change > 1e-12 * abs(total.meanLoss)
    else { return false }
    // Chance: no step lowers a loss by more than its length times the slope, but for what the slope
    // grows on the way.
    if let predictedDecrease, -trend.change > VerdictThresholds.most * predictedDecrease {
      return false
    }
    return !isFlat || deliversItsPromise
  }
  private var deliversItsPromise: Bool {
    guard let predictedDecrease, normFraction > VerdictThresholds.gone,
      -trend.change > VerdictThresholds.rounding * moved
    else { return false }
    return -trend.change > VerdictThresholds.delivered * predictedDecrease
  }

  var isRising: Bool {
    trend.change - trend.halfWidth(.of99) > 0
      && trend.change > max(band, VerdictThresholds.rise * moved)
  }

  /// Whether the loss moves is not left open; and where it does not, why.
  private var isConclusive: Bool {
    isFalling || isRising || overshoots
      || (isFlat && (breaksItsPromise || normFraction <= VerdictThresholds.small))
  }

  /// The standard deviation of a step's loss about its neighbours'.
  var stepNoise: Double {
    total.pairs > 0 ? (total.squaredLossChange / Double(total.pairs) / 2).squareRoot() : 0
  }

  /// The loss differs from step to step as samples do.
  var isNoisy: Bool { stepNoise > VerdictThresholds.noisy * (movedVisibly ? moved : level) }

  /// The correlation of the loss, its course taken out, with that of the step before: −1 where it
  /// swings up and down each step, 0 for noise.
  var stepCorrelation: Double? {
    guard total.pairs >= 8 else { return nil }
    let n = Double(total.taken)
    let variance = total.squaredLoss / n - total.meanLoss * total.meanLoss - trend.explained
    // Below the rounding of the sums there is nothing to see.
    guard variance > 1e-12 * total.squaredLoss / n else { return nil }
    return 1 - stepNoise * stepNoise / variance
  }

  /// The loss goes up and down with the steps, more than chance makes it.
  var swings: Bool {
    guard let correlation = stepCorrelation else { return false }
    return correlation < min(VerdictThresholds.swing, -2.6 / Double(total.pairs).squareRoot())
  }
}

// MARK: The gradient and the updates

extension RunEvidence {
  /// ‖g‖ over the largest it was.
  var normFraction: Double {
    largestSquaredNorm.value > 0 ? (squaredNorm / largestSquaredNorm.value).squareRoot() : 0
  }

  /// What the judged steps' updates, Σ‖Δw‖‖g‖, would lower the loss by at most, were it a plane;
  /// nil where no update was measured.
  var predictedDecrease: Double? { total.updates > 0 ? total.predictedDecrease : nil }
  /// The same of one update.
  var promiseOfEach: Double? { predictedDecrease.map { $0 / Double(total.updates) } }

  /// The updates predictedDecrease more than came, and more than could have been missed.
  var breaksItsPromise: Bool {
    guard let predictedDecrease else { return false }
    return predictedDecrease > VerdictThresholds.promised
      * (trend.halfWidth(.of99) + max(0, -trend.change))
  }

  /// The updates are too large: the loss swings with them; or each promises more than the loss's
  /// noise and nothing comes, and they go down the gradient, or are seen to move the loss.
  var overshoots: Bool {
    guard normFraction > VerdictThresholds.gone else { return false }
    if swings { return true }
    guard breaksItsPromise, let promiseOfEach, isPlain || showsMotion else { return false }
    return promiseOfEach > VerdictThresholds.overshoot * stepNoise
  }
  /// The updates are those of plain gradient descent, so that they go where the gradient points and
  /// the predictedDecrease is no overstatement.
  private var isPlain: Bool {
    abs(total.path - total.descent) <= VerdictThresholds.plain * total.path
  }
  /// The loss goes with the weights' motion rather than with the samples: it has no noise, or
  /// neighbouring steps are alike.
  private var showsMotion: Bool {
    stepCorrelation.map { $0 > VerdictThresholds.motion } ?? !isNoisy
  }

  /// How the first quarter of the tensors' norm was to the last quarter's in the first step, as a
  /// power of ten; nil for shallow models.
  var openingGap: Double? { opening.deep > 0 ? opening.firstTensors - opening.lastTensors : nil }
  /// The same in the judged steps, compared with what the last quarter has now or had at first,
  /// whichever is more.
  var gap: Double? {
    guard opening.deep > 0, total.deep > 0 else { return nil }
    return total.firstTensors / Double(total.deep)
      - max(total.lastTensors / Double(total.deep), opening.lastTensors)
  }
}
