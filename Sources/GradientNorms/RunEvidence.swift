import Glibc

/// What a run's end says of its loss and its gradient, held against the whole run.
///
/// Intervals are 99 % ones from at most 24 means of consecutive steps (batch means), so that the correlation of neighbouring steps is inside the
/// means and what is left of it is allowed for (``Trend``).
struct RunEvidence {
  /// The steps that are judged.
  let steps: ClosedRange<Int>
  let groups: [(steps: ClosedRange<Int>, sums: StepSums)]
  let total: StepSums
  let opening: StepSums
  let trend: Trend
  /// The largest less the smallest loss among the first step's and the means of the run's blocks.
  let lossRange: Double
  let lowestLevel: Double
  /// T's mean in the judged steps, and its largest mean in the run.
  let squaredNorm: Double
  let largestSquaredNorm: Double
  /// |G|² and trΣ/B in the judged steps, and their largest means in the run; nil where the noise is not known.
  let signal: MeanEstimate?
  let floor: Double?
  let largestSignal: Double?
  let largestFloor: Double?

  /// Of the last third or, where that leaves open whether the loss moves, of the last two thirds.
  static func of(_ series: BlockSeries, opening: StepSums) -> RunEvidence? {
    guard let short = RunEvidence(series, opening: opening, thirds: 1), !short.isConclusive else {
      return RunEvidence(series, opening: opening, thirds: 1)
    }
    return RunEvidence(series, opening: opening, thirds: 2)
  }

  /// Nil where fewer than three steps, or means of them, can be told apart.
  private init?(_ series: BlockSeries, opening: StepSums, thirds: Int) {
    let parts = series.parts
    let wanted = max(parts.count * thirds / 3, min(parts.count, 10))
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
    let all = [opening] + parts.filter { $0.taken > 0 }
    let losses = all.map(\.meanLoss)
    lowestLevel = losses.min()!
    lossRange = losses.max()! - lowestLevel
    squaredNorm = total.meanSquaredNorm
    largestSquaredNorm = all.map(\.meanSquaredNorm).max()!
    let known = groups.compactMap(\.sums.signal)
    signal = known.count == groups.count ? MeanEstimate(known) : nil
    floor = signal == nil ? nil : total.floor
    largestSignal = all.compactMap(\.signal).max()
    largestFloor = all.compactMap(\.floor).max()
  }

  var last: (steps: ClosedRange<Int>, sums: StepSums) { groups[groups.count - 1] }

  /// The loss falls, or rises, by more than its interval and by more than a fraction of what it has moved in the whole run; a tenth of its own
  /// size is a fall too, as long as the gradient is not gone.
  var isFalling: Bool {
    let (change, margin) = trend.change
    guard change + margin < 0 else { return false }
    return -change > 0.02 * lossRange || (-change > 0.1 * abs(total.meanLoss) && normFraction > 0.01)
  }
  var isRising: Bool { trend.change.value - trend.change.halfWidth > 0 && trend.change.value > 0.05 * lossRange }

  /// A change that would count would have shown.
  private var isConclusive: Bool { isFalling || isRising || trend.change.halfWidth < 0.05 * lossRange }

  /// T stays below half of what independent samples would make it: the batches are the whole data, so their spread is no noise of their mean.
  var isWholeData: Bool { if let floor { squaredNorm < 0.5 * floor } else { false } }

  /// |G|²/(trΣ/B); nil where the noise is not known or does not count.
  var ratio: Double? {
    guard let signal, let floor, floor > 0, !isWholeData else { return nil }
    return signal.value / floor
  }

  /// The best estimate of |G|²: T less its noise where that is known.
  var gradientSquares: Double { ratio == nil ? squaredNorm : max(signal!.value, 0) }
  var largestGradientSquares: Double { ratio == nil ? largestSquaredNorm : max(largestSignal!, 0) }
  /// |G| over the largest it was.
  var normFraction: Double { largestGradientSquares > 0 ? (gradientSquares / largestGradientSquares).squareRoot() : 0 }

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
    guard total.pairs >= 8, total.taken == total.steps else { return nil }
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
