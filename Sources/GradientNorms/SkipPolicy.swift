/// When a step is refused, and when refused steps end the run.
public struct SkipPolicy: Sendable, Equatable {
  /// A norm above this many times the median of the last 128 taken steps is a spike; nil for no
  /// such test. Norms of 0 are not among them.
  public var spike: Double?
  /// So many skips in a row stop the run.
  public var skipLimit: Int

  public init(spike: Double? = nil, skipLimit: Int = 20) {
    self.spike = spike
    self.skipLimit = skipLimit
  }
}
