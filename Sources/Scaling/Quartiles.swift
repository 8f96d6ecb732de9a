import Glibc

/// Where a sample's middle lies and how far it spreads: median and quartiles.
public struct Quartiles: Sendable, Equatable {
  public var median: Double
  public var lowerQuartile: Double
  public var upperQuartile: Double
  public var count: Int

  /// Quantiles by linear interpolation between order statistics, as NumPy's `quantile` does; nil
  /// for an empty sample.
  public init?(_ values: some Sequence<Double>) {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return nil }
    func quantile(_ q: Double) -> Double {
      let place = q * Double(sorted.count - 1)
      let below = Int(place)
      let above = min(below + 1, sorted.count - 1)
      return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
    median = quantile(0.5)
    lowerQuartile = quantile(0.25)
    upperQuartile = quantile(0.75)
    count = sorted.count
  }

  /// The interquartile range.
  public var range: Double { upperQuartile - lowerQuartile }
}

/// A fitted number with its standard error, where the points resolve one.
public struct Estimate: Sendable, Equatable {
  public var value: Double
  /// Nil where there are no more points than numbers fitted.
  public var standardError: Double?
  public var degreesOfFreedom: Int
  /// What the number can be; nil where it can be any.
  public var bounds: ClosedRange<Double>?

  public init(value: Double, standardError: Double?, degreesOfFreedom: Int) {
    self.value = value
    self.standardError = standardError
    self.degreesOfFreedom = degreesOfFreedom
  }

  /// The interval that holds the true number with this confidence, by Student's t, cut at the
  /// bounds; nil where no error is resolved.
  public func interval(confidence: Double = 0.95) -> ClosedRange<Double>? {
    guard let standardError, standardError.isFinite, degreesOfFreedom > 0 else { return nil }
    let reach =
      standardError * studentQuantile((1 + confidence) / 2, degreesOfFreedom: degreesOfFreedom)
    let interval = (value - reach)...(value + reach)
    return bounds.map { interval.clamped(to: $0) } ?? interval
  }
}

/// The median of |prediction − truth| / truth.
public func medianRelativeError(_ pairs: some Sequence<(predicted: Double, measured: Double)>)
  -> Double?
{
  Quartiles(pairs.map { abs($0.predicted - $0.measured) / abs($0.measured) })?.median
}
