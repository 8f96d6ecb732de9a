/// A number of each step: what it is called and means, and how it follows from the steps.
///
/// Rank 0 computes it when it records a step, on the thread that writes the records. Everything
/// else follows from the declaration: its field in `metrics.jsonl`, TensorBoard's scalar, the gauge
/// for Prometheus, the page's chart and the column of `lockstep report --csv metrics`. A value that
/// is registered is a metric's start: each run has a copy, whose state changes with its steps.
public protocol Metric: Sendable {
  /// What the metric is and where it is shown.
  var declaration: MetricDeclaration { get }

  /// How many earlier steps a value may depend on, skipped ones not counted: also that of a skipped
  /// step, which may be the value before it.
  ///
  /// A resumed run takes in so many from `metrics.jsonl` before it goes on, so that its values are
  /// those of a run that was never interrupted.
  var memory: Int { get }

  /// The value of a step; nil where it is not resolved. Called once a step, in their order.
  ///
  /// The record has all that was measured and decided, the norms of its update included, but no
  /// other metrics of this kind.
  mutating func value(of step: StepRecord) -> Double?
}

extension Metric {
  public var memory: Int { 0 }
}

/// A metric that follows from its step alone.
public struct StepMetric: Metric {
  public let declaration: MetricDeclaration
  private let read: @Sendable (StepRecord) -> Double?

  public init(
    _ declaration: MetricDeclaration, value: @escaping @Sendable (StepRecord) -> Double?
  ) {
    self.declaration = declaration
    read = value
  }

  public func value(of step: StepRecord) -> Double? { read(step) }
}
