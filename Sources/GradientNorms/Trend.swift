/// A straight line fitted to equally spaced means by least squares, with an interval for its slope that allows for their correlation.
///
/// Means of consecutive steps are correlated where the run swings slowly. With lag-1 correlation ρ of the residuals, n means are worth
/// n(1 − ρ)/(1 + ρ) independent ones, so the standard error grows by √((1 + ρ)/(1 − ρ)); ρ is estimated, corrected for the bias that
/// fitting a line gives it, (1 + 4ρ)/n (Kendall and Stuart), and never taken for negative.
public struct Trend: Sendable, Equatable {
  /// Change from one value to the next.
  public let slope: Double
  /// Of the slope, with the correlation allowed for.
  public let standardError: Double
  public let mean: Double
  public let count: Int
  /// ρ, between 0 and 0.9.
  public let correlation: Double

  /// Nil with fewer than three values.
  public init?(_ values: some Collection<Double>) {
    guard values.count >= 3 else { return nil }
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let centre = (n - 1) / 2
    let spread = n * (n * n - 1) / 12
    let slope = values.enumerated().reduce(0) { $0 + (Double($1.offset) - centre) * ($1.element - mean) } / spread
    let residuals = values.enumerated().map { $0.element - mean - slope * (Double($0.offset) - centre) }
    let squares = residuals.reduce(0) { $0 + $1 * $1 }
    let products = zip(residuals, residuals.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let raw = squares > 0 ? products / squares : 0
    // Fewer than eight values say nothing of their correlation.
    let correlation = values.count < 8 ? 0 : max(0, min(0.9, raw + (1 + 4 * max(raw, 0)) / n))
    self.slope = slope
    self.mean = mean
    self.correlation = correlation
    count = values.count
    standardError = (squares / (n - 2) / spread * (1 + correlation) / (1 - correlation)).squareRoot()
  }

  /// The fitted change over all values, and the half-width of its 99 % interval (Student's t with n − 2 degrees of freedom).
  public var change: (value: Double, halfWidth: Double) {
    let steps = Double(count - 1)
    return (slope * steps, Self.quantile99(count - 2) * standardError * steps)
  }

  /// Student's t at 99.5 %: exact to three decimals up to ten degrees of freedom, to 0.002 beyond.
  static func quantile99(_ degrees: Int) -> Double {
    let exact = [63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169]
    if degrees <= exact.count { return exact[max(degrees, 1) - 1] }
    // Cornish and Fisher's expansion about the normal quantile.
    let (z, v) = (2.575829, Double(degrees))
    let (z3, z5) = (z * z * z, z * z * z * z * z)
    return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v)
  }
}

/// The mean of consecutive means, with an interval that allows for their correlation.
public struct MeanEstimate: Sendable, Equatable {
  public let value: Double
  /// Half of the 99 % interval.
  public let halfWidth: Double

  /// Nil with fewer than three values.
  public init?(_ values: some Collection<Double>) {
    guard values.count >= 3 else { return nil }
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let residuals = values.map { $0 - mean }
    let squares = residuals.reduce(0) { $0 + $1 * $1 }
    let products = zip(residuals, residuals.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let raw = squares > 0 ? products / squares : 0
    let correlation = values.count < 8 ? 0 : max(0, min(0.9, raw + (1 + 3 * max(raw, 0)) / n))
    value = mean
    halfWidth = Trend.quantile99(values.count - 1) * (squares / (n - 1) / n * (1 + correlation) / (1 - correlation)).squareRoot()
  }
}
