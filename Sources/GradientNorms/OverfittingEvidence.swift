import Glibc

/// That a run overfits: the loss on rows that it does not train on rises from its minimum while the
/// training loss falls.
///
/// The minimum is the lowest of many noisy values, so that what follows seems to rise even where
/// nothing does. Therefore it is not among the values that the rise is fitted to, and of the rise
/// are demanded: that its 99 % interval (``Trend``, from the scatter of the evaluations) lies above
/// zero; that the last evaluations lie above the minimum and its neighbours by more than the band
/// that also counts as flat, by several standard errors of their difference, and by several times
/// what the loss rose before the minimum or fell after it (a loss that wanders does both); and that
/// the training loss falls in the same steps, for certain and by more than the band. One trajectory
/// has one answer at any number of ranks: all values are sums over all of them.
struct OverfittingEvidence {
  /// The evaluation, or the mean of neighbouring ones, with the lowest loss.
  let lowest: HeldOutSeries.Part
  let last: HeldOutSeries.Part
  let rise: Trend
  let fall: Trend
  /// The training loss's first and last mean after the minimum, with their steps.
  let training: (first: RunEvidence.Level, last: RunEvidence.Level)

  /// Nil where there is no such evidence.
  init?(_ heldOut: HeldOutSeries?, _ series: BlockSeries) {
    guard let parts = heldOut?.parts,
      let place = parts.indices.min(by: { parts[$0].mean < parts[$1].mean })
    else { return nil }
    let after = parts[(place + 1)...]
    guard let rise = Trend(after.map(\.mean)), rise.change - rise.halfWidth(.of99) > 0 else {
      return nil
    }
    guard Self.stands(after, above: place, of: parts) else { return nil }
    // Blocks that lie after the minimum as a whole.
    var (blocks, step) = ([(value: StepSums, steps: ClosedRange<Int>)](), 0)
    for part in series.parts {
      if step >= parts[place].lastStep, part.taken > 0 {
        blocks.append((part, step + 1...step + part.steps))
      }
      step += part.steps
    }
    let groups = Self.grouped(blocks)
    guard let fall = Trend(groups.map(\.value.meanLoss)), let first = groups.first,
      let last = groups.last, fall.change + fall.halfWidth(.of99) < 0,
      -fall.change > VerdictThresholds.levelBand * abs(first.value.meanLoss)
    else { return nil }
    (lowest, self.last) = (parts[place], parts[parts.count - 1])
    (self.rise, self.fall) = (rise, fall)
    training = (
      (first.value.meanLoss, first.steps), (last.value.meanLoss, last.steps)
    )
  }

  /// Whether the last third of the evaluations lies above the minimum and its neighbours, visibly.
  private static func stands(
    _ after: ArraySlice<HeldOutSeries.Part>, above place: Int, of parts: [HeldOutSeries.Part]
  ) -> Bool {
    let end = after.suffix(max(2, after.count / 3))
    let bottom = parts[max(0, place - 1)...min(parts.count - 1, place + 1)]
    func mean(_ parts: ArraySlice<HeldOutSeries.Part>) -> Double {
      parts.reduce(0) { $0 + $1.mean } / Double(parts.count)
    }
    let difference = mean(end) - mean(bottom)
    let values = parts.map(\.mean)
    let moved = values.max()! - parts[place].mean
    let level = parts[place].mean < 0 ? max(abs(mean(end)), moved) : parts[place].mean
    let error = noise(values) * (1 / Double(end.count) + 1 / Double(bottom.count)).squareRoot()
    let wandering = max(
      largestRise(parts[...place].map(\.mean)), largestRise(after.reversed().map(\.mean)))
    return difference > VerdictThresholds.levelBand * level
      && difference > VerdictThresholds.visible * error
      && difference > VerdictThresholds.wandering * wandering
  }

  /// The most by which a value lies above an earlier one.
  private static func largestRise(_ values: [Double]) -> Double {
    var (lowest, rise) = (Double.infinity, 0.0)
    for value in values {
      lowest = min(lowest, value)
      rise = max(rise, value - lowest)
    }
    return rise
  }

  /// The standard deviation of a value about the straight line through its neighbours, from second
  /// differences, which have six times its variance.
  private static func noise(_ values: [Double]) -> Double {
    guard values.count >= 3 else { return .infinity }
    let squares = (1..<values.count - 1).reduce(0.0) {
      let second = values[$1 - 1] - 2 * values[$1] + values[$1 + 1]
      return $0 + second * second
    }
    return (squares / Double(values.count - 2) / 6).squareRoot()
  }

  /// At most 24 means, as ``RunEvidence`` has them: correlations of neighbours are inside.
  private static func grouped(_ blocks: [(value: StepSums, steps: ClosedRange<Int>)])
    -> [(value: StepSums, steps: ClosedRange<Int>)]
  {
    let size = max(1, (blocks.count + 23) / 24)
    return stride(from: 0, to: blocks.count, by: size).map { start in
      let part = blocks[start..<min(start + size, blocks.count)]
      return (
        StepSums.total(part.map(\.value)),
        part.first!.steps.lowerBound...part.last!.steps.upperBound
      )
    }
  }

  /// What people read.
  var reasons: [String] {
    let place = Self.place(lowest)
    return [
      "The loss on the rows held out was lowest \(place), \(formatted(lowest.mean)), and has risen since to \(formatted(last.mean)) "
        + "\(Self.place(last)); the fitted change over the \(rise.count) evaluations after the lowest is \(formatted(rise.change)) ± \(formatted(rise.halfWidth(.of99))).",
      "The training loss fell in the same time from \(formatted(training.first.value)) (mean of steps \(training.first.steps.inWords)) "
        + "to \(formatted(training.last.value)) (\(training.last.steps.inWords)); the fitted change is \(formatted(fall.change)) ± \(formatted(fall.halfWidth(.of99))). "
        + "The two part after step \(lowest.lastStep): what is learned from there on is the training rows alone.",
    ]
  }

  private static func place(_ part: HeldOutSeries.Part) -> String {
    part.count == 1
      ? "after step \(part.lastStep)"
      : "in the mean of \(part.count) evaluations after steps \(part.firstStep)–\(part.lastStep)"
  }
}
