import Glibc

/// What a run's losses and norms say of how it went.
public struct ConvergenceVerdict: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case converged, converging
    case noiseFloor = "noise-floor"
    case oscillating, diverging, diverged, vanishing, stopped
  }

  public let kind: Kind
  /// Sentences with numbers that a person can check.
  public let reasons: [String]
}

/// Collects, step by step, what a verdict needs. Fed only with reduced values, so it is equal on all ranks.
public struct ConvergenceTracker: Sendable, Equatable, Codable {
  private var losses = BlockSeries()
  private var squaredNorms = BlockSeries()
  /// ‖g‖² less its share of noise, trΣ/B: an unbiased estimate of |G|².
  private var signals = BlockSeries()
  /// trΣ/B
  private var floors = BlockSeries()
  private var steps = 0
  private var skippedInARow = 0

  public init() {}

  public mutating func record(_ ledger: NormLedger, _ decision: StepDecision) {
    steps += 1
    guard !decision.isSkip else {
      skippedInARow += 1
      return
    }
    skippedInARow = 0
    losses.append(ledger.meanLoss)
    let total = ledger.squaredPartsNorm
    squaredNorms.append(total)
    if ledger.tellsNoise {
      let floor = (ledger.meanLocalSquares - total) / (ledger[.contributors] - 1)
      floors.append(floor)
      signals.append(total - floor)
    }
  }

  /// Judges the run so far. `stopped` says that a signal ended it before its last step.
  public func verdict(stopped: Bool) -> ConvergenceVerdict {
    if stopped { return ConvergenceVerdict(kind: .stopped, reasons: ["A signal ended the run after step \(steps)."]) }
    guard let first = losses.means.first, let last = losses.means.last, skippedInARow == 0 else {
      return ConvergenceVerdict(
        kind: .diverged, reasons: ["The last \(skippedInARow) of \(steps) steps had a loss or gradient that is not finite."])
    }
    let half = losses.means.suffix(max(3, losses.means.count / 2))
    let span = half.count * losses.stride
    guard let trend = Trend(half) else {
      return ConvergenceVerdict(
        kind: last <= first ? .converging : .diverging,
        reasons: ["The loss went from \(short(first)) to \(short(last)) in \(steps) steps, too few for a trend."])
    }
    let (change, margin) = trend.change
    let moved = "Over the last \(span) steps the loss changed by \(short(change)) ± \(short(margin)), around \(short(trend.mean))."
    if last > 2 * first {
      return ConvergenceVerdict(kind: .diverged, reasons: ["The loss rose from \(short(first)) to \(short(last)).", moved])
    }
    if change - margin > 0.02 * abs(trend.mean) { return ConvergenceVerdict(kind: .diverging, reasons: [moved]) }
    if change + margin < -0.02 * abs(trend.mean) {
      return ConvergenceVerdict(kind: .converging, reasons: [moved, floorSentence].compactMap { $0 })
    }
    if let (signal, floor) = recentSignal, signal < 0.5 * floor {
      return ConvergenceVerdict(kind: .noiseFloor, reasons: [moved, floorSentence].compactMap { $0 })
    }
    return ConvergenceVerdict(kind: .converged, reasons: [moved, floorSentence].compactMap { $0 })
  }

  /// Means of |G|² and trΣ/B over the last quarter.
  private var recentSignal: (signal: Double, floor: Double)? {
    let count = max(1, signals.means.count / 4)
    guard !signals.means.isEmpty else { return nil }
    func mean(_ values: ArraySlice<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
    return (mean(signals.means.suffix(count)), mean(floors.means.suffix(count)))
  }

  private var floorSentence: String? {
    recentSignal.map { signal, floor in
      "Of the recent squared norm \(short(signal + floor)), \(short(floor)) is minibatch noise and \(short(max(signal, 0))) is gradient."
    }
  }
}

/// Four significant digits, for sentences.
public func short(_ value: Double) -> String {
  guard value.isFinite else { return "\(value)" }
  if value == 0 { return "0" }
  let exponent = Int(floor(log10(abs(value))))
  if (-4..<6).contains(exponent) {
    let digits = max(0, 3 - exponent)
    let power = pow(10, Double(digits))
    let rounded = (value * power).rounded() / power
    return digits == 0 ? "\(Int(rounded))" : "\(rounded)"
  }
  let mantissa = (value / pow(10, Double(exponent)) * 1000).rounded() / 1000
  return "\(mantissa)e\(exponent)"
}
