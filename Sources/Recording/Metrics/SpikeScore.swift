/// The share of spikes among the last steps: how stable training is.
///
/// A value is a spike where it lies at least seven standard deviations from the mean of the last
/// thousand values before it, the spike score of OLMo 2 (arXiv 2501.00656); here the share is that
/// of the last thousand steps. It is not resolved before a tenth of the window is there to compare
/// with. Steps that were skipped changed nothing and do not count; a value that is not finite takes
/// its place, but is neither compared nor compared with.
public struct SpikeScore: Metric {
  public let declaration: MetricDeclaration
  private let window: Int
  private let deviations: Double
  private let read: @Sendable (StepRecord) -> Double?
  /// Of the last `window` steps that were taken: the value, NaN where there is none, and whether it
  /// was a spike, nil where that could not be said. `oldest` is the place of the first of them.
  private var steps: [(value: Double, isSpike: Bool?)] = []
  private var oldest = 0
  private var compared = 0
  private var spikes = 0
  /// Over all steps of the run, not the last `window` alone.
  private(set) var total: SpikeCount

  /// - Parameters:
  ///   - name: what the values are, as the field is called in the object `spike_score`.
  ///   - window: steps.
  ///   - deviations: standard deviations that make a spike.
  ///   - value: the number of a step that may be a spike.
  public init(
    of name: String, window: Int = 1000, deviations: Double = 7,
    value: @escaping @Sendable (StepRecord) -> Double?
  ) {
    precondition(window > 1)
    declaration = MetricDeclaration(
      "spike_score.\(name)",
      help: "Share of the last \(window) steps whose \(name) lies at least "
        + "\(NumberFormat.formatted(deviations)) standard deviations from the mean before it.",
      line: MetricLine(
        MetricChart("Spike score", label: "share of steps", scale: .linear, lowest: 0), name,
        style: .line))
    total = SpikeCount(name)
    (self.window, self.deviations, read) = (window, deviations, value)
  }

  /// The same score of the same values with another window and another number of deviations.
  func with(window: Int, deviations: Double) -> SpikeScore {
    SpikeScore(of: total.name, window: window, deviations: deviations, value: read)
  }

  /// Goes on from the counts of the steps so far; their values are those of the window.
  mutating func restore(_ count: SpikeCount) { total = count }

  /// A step's score compares it with as many steps as the window has, and so do those before it.
  public var memory: Int { 2 * window }

  public mutating func value(of step: StepRecord) -> Double? {
    if step.action != .skip { add(read(step).flatMap { $0.isFinite ? $0 : nil } ?? .nan) }
    return compared > 0 ? Double(spikes) / Double(compared) : nil
  }

  private mutating func add(_ value: Double) {
    let isSpike = isSpike(value)
    total.add(isSpike)
    count(isSpike, 1)
    guard steps.count == window else { return steps.append((value, isSpike)) }
    count(steps[oldest].isSpike, -1)
    steps[oldest] = (value, isSpike)
    oldest = (oldest + 1) % window
  }

  private mutating func count(_ isSpike: Bool?, _ change: Int) {
    guard let isSpike else { return }
    compared += change
    if isSpike { spikes += change }
  }

  /// Nil where the window holds too little. Summed anew, from the oldest value on: running sums
  /// would cancel, and depend on all steps there ever were.
  private func isSpike(_ value: Double) -> Bool? {
    guard !value.isNaN else { return nil }
    var (count, sum) = (0.0, 0.0)
    forEach {
      count += 1
      sum += $0
    }
    guard count >= max(2, Double(window) / 10) else { return nil }
    let mean = sum / count
    var squares = 0.0
    forEach { squares += ($0 - mean) * ($0 - mean) }
    let distance = abs(value - mean)
    return distance > 0 && distance >= deviations * (squares / (count - 1)).squareRoot()
  }

  /// The window's values, in the order of the steps.
  private func forEach(_ body: (Double) -> Void) {
    for part in [oldest..<steps.count, 0..<oldest] {
      for index in part where !steps[index].value.isNaN { body(steps[index].value) }
    }
  }
}
