import Glibc

/// What a run's end says of its loss and its gradient, held against the whole run.
///
/// Intervals are 99 % ones from at most 24 means of consecutive steps (batch means), so that the correlation of neighbouring steps is
/// inside the means and what is left of it is allowed for (``Trend``).
struct RunEvidence {
  /// The steps that are judged.
  let steps: ClosedRange<Int>
  let groups: [(steps: ClosedRange<Int>, sums: StepSums)]
  let total: StepSums
  let opening: StepSums
  let trend: Trend
  /// The largest less the smallest loss among the first step's and the means of the run's blocks.
  let lossRange: Double
  let lowestLoss: (value: Double, steps: ClosedRange<Int>)
  /// T's mean in the judged steps, and its largest mean in the run.
  let squaredNorm: Double
  let largestSquaredNorm: (value: Double, steps: ClosedRange<Int>)
  /// |G|² and trΣ/B in the judged steps, and their largest means in the run; nil where the noise is not known.
  let signal: MeanEstimate?
  let floor: Double?
  let largestSignal: (value: Double, steps: ClosedRange<Int>)?
  let largestFloor: Double?

  /// Of the last third or, where that leaves open whether the loss moves, of the last two thirds.
  static func of(_ series: BlockSeries, opening: StepSums, _ firstStep: Int) -> RunEvidence? {
    let third = RunEvidence(series, opening: opening, firstStep, thirds: 1)
    guard let third, !third.isConclusive else { return third }
    return RunEvidence(series, opening: opening, firstStep, thirds: 2)
  }

  /// How many parts, from the end, make up so many thirds of the steps and of the learning rates: where a schedule lets the rate go to
  /// zero, steps at the end change little, and a loss that rests there does so for that reason.
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

  /// Nil where fewer than three steps, or means of them, can be told apart.
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
    let losses = all.map { (value: $0.value.meanLoss, steps: $0.steps) }
    lowestLoss = losses.min { $0.value < $1.value }!
    lossRange = losses.map(\.value).max()! - lowestLoss.value
    squaredNorm = total.meanSquaredNorm
    largestSquaredNorm = all.map { (value: $0.value.meanSquaredNorm, steps: $0.steps) }.max { $0.value < $1.value }!
    let known = groups.compactMap(\.sums.signal)
    signal = known.count == groups.count ? MeanEstimate(known) : nil
    floor = signal == nil ? nil : total.floor
    largestSignal = all.compactMap { part in part.value.signal.map { (value: $0, steps: part.steps) } }.max { $0.value < $1.value }
    largestFloor = all.compactMap(\.value.floor).max()
  }

  var last: (steps: ClosedRange<Int>, sums: StepSums) { groups[groups.count - 1] }

  /// The loss falls, or rises, by more than its interval and by more than a fraction of what it has moved in the whole run; a tenth of its
  /// own size is a fall too, as long as the gradient is not gone.
  var isFalling: Bool {
    let (change, margin) = trend.change
    guard change + margin < 0 else { return false }
    return -change > 0.02 * lossRange || (-change > 0.1 * abs(total.meanLoss) && normFraction > 0.01)
  }
  var isRising: Bool { trend.change.value - trend.change.halfWidth > 0 && trend.change.value > 0.05 * lossRange }

  /// A change that would count would have shown.
  private var isConclusive: Bool { isFalling || isRising || trend.change.halfWidth < 0.05 * lossRange }

  /// T stays below half of what independent samples would make it: the batches are the whole data, so their spread is no noise of their
  /// mean.
  var isWholeData: Bool { if let floor { squaredNorm < 0.5 * floor } else { false } }

  /// |G|²/(trΣ/B); nil where the noise is not known or does not count.
  var ratio: Double? {
    guard let signal, let floor, floor > 0, !isWholeData else { return nil }
    return signal.value / floor
  }

  /// The best estimate of |G|²: T less its noise where that is known.
  var gradientSquares: Double { ratio == nil ? squaredNorm : max(signal!.value, 0) }
  var largestGradient: (squares: Double, steps: ClosedRange<Int>) {
    guard ratio != nil, let largestSignal else { return (largestSquaredNorm.value, largestSquaredNorm.steps) }
    return (max(largestSignal.value, 0), largestSignal.steps)
  }
  /// |G| over the largest it was.
  var normFraction: Double { largestGradient.squares > 0 ? (gradientSquares / largestGradient.squares).squareRoot() : 0 }

  /// What the judged steps' updates, Σ‖Δw‖·|G|²/‖g‖, would lower the loss by at most, were it a plane; nil where no update was measured.
  var promise: Double? {
    guard total.updates > 0 else { return nil }
    return squaredNorm > 0 ? total.promise * (gradientSquares / squaredNorm) : 0
  }

  /// The fall that was seen, or could have been missed, is about what the updates promised: they are too small to do more.
  var deliversItsPromise: Bool {
    guard let promise, gradientSquares > (signal.map { ratio == nil ? 0 : $0.halfWidth } ?? 0) else { return false }
    return promise < 2 * (trend.change.halfWidth + max(0, -trend.change.value))
  }

  /// The standard deviation of a step's loss about its neighbours'.
  var stepNoise: Double { total.pairs > 0 ? (total.squaredLossChange / Double(total.pairs) / 2).squareRoot() : 0 }

  /// The correlation of the loss, its line taken out, with that of the step before: −1 where it swings up and down each step, 0 for noise.
  var stepCorrelation: Double? {
    guard total.pairs >= 8 else { return nil }
    let n = Double(total.taken)
    let perStep = trend.slope * Double(trend.count) / n
    let line = perStep * perStep * (n * n - 1) / 12
    let variance = total.squaredLoss / n - total.meanLoss * total.meanLoss - line
    // Below the rounding of the sums there is nothing to see.
    guard variance > 1e-12 * total.squaredLoss / n else { return nil }
    return 1 - stepNoise * stepNoise / variance
  }

  // MARK: Depth

  /// How the first quarter of the tensors' norm was to the last quarter's in the first step, as a power of ten; nil for shallow models.
  var openingGap: Double? { opening.deep > 0 ? opening.firstTensors - opening.lastTensors : nil }
  /// The same in the judged steps, held against what the last quarter has now or had at first, whichever is more.
  var gap: Double? {
    guard opening.deep > 0, total.deep > 0 else { return nil }
    return total.firstTensors / Double(total.deep) - max(total.lastTensors / Double(total.deep), opening.lastTensors)
  }
}
