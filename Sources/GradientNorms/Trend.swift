import Glibc

/// A monotone course fitted to equally spaced means by least squares, with an interval for its
/// change that allows for their correlation.
///
/// The course is a straight line or, with eight values or more, an exponential curve that falls (or
/// rises) mostly at its beginning or mostly at its end, where that leaves less than
/// ``Trend/curveGain`` of the line's residual squares: a curved fall is a fall.
///
/// Means of consecutive steps are correlated where the run swings slowly. With lag-1 correlation ρ
/// of the residuals, n means are worth n(1 − ρ)/(1 + ρ) independent ones, so the standard error
/// grows by √((1 + ρ)/(1 − ρ)); ρ is estimated, corrected for the bias that fitting a line gives
/// it, (1 + 4ρ)/n (Kendall and Stuart), and never taken for negative.
public struct Trend: Sendable, Equatable {
  /// Of the fitted course, from the first value to the last.
  public let change: Double
  /// Of the change, with the correlation allowed for.
  public let standardError: Double
  public let mean: Double
  public let count: Int
  /// ρ, between 0 and 0.9.
  public let correlation: Double
  /// The variance of the fitted values.
  let explained: Double
  /// The course at each value, from 0 at the first to 1 at the last.
  private let course: [Double]
  private let degrees: Int

  /// A curve must leave less than this of the line's residual squares.
  public static let curveGain = 0.6
  /// Time constants of the curves, as fractions of the values' number.
  private static let constants = [1.0 / 3, 1.0 / 6]

  /// Nil with fewer than three values.
  public init?(_ values: some Collection<Double>) {
    guard values.count >= 3 else { return nil }
    let values = Array(values)
    let mean = values.reduce(0, +) / Double(values.count)
    let line = Fit(values, mean, (0..<values.count).map { Double($0) / Double(values.count - 1) })
    var best = line
    if values.count >= 8 {
      for constant in Self.constants {
        let early = Self.curve(values.count, constant * Double(values.count))
        for curve in [early, early.reversed().map { 1 - $0 }] {
          let fit = Fit(values, mean, curve)
          if fit.squares < Self.curveGain * line.squares && fit.squares < best.squares {
            best = fit
          }
        }
      }
    }
    let n = Double(values.count)
    let raw =
      best.squares > 0
      ? zip(best.residuals, best.residuals.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
        / best.squares : 0
    // Fewer than eight values say nothing of their correlation.
    let correlation = values.count < 8 ? 0 : max(0, min(0.9, raw + (1 + 4 * max(raw, 0)) / n))
    degrees = values.count - 2
    change = best.amplitude
    course = best.course
    self.mean = mean
    self.correlation = correlation
    count = values.count
    explained = best.amplitude * best.amplitude * best.spread / n
    standardError =
      (best.squares / Double(degrees) / best.spread * (1 + correlation) / (1 - correlation))
      .squareRoot()
  }

  /// Half of the interval of the change that is right with this confidence (Student's t with n − 2
  /// degrees of freedom).
  public func halfWidth(_ confidence: Confidence) -> Double {
    confidence.quantile(degrees) * standardError
  }

  /// The part of the change that comes in the last `values` of them.
  func share(ofLast values: Int) -> Double { 1 - course[max(0, course.count - 1 - values)] }

  /// 1 − e^(−i/τ), from 0 to 1.
  private static func curve(_ count: Int, _ constant: Double) -> [Double] {
    let all = 1 - exp(-Double(count - 1) / constant)
    return (0..<count).map { (1 - exp(-Double($0) / constant)) / all }
  }

  /// A multiple of a course and a constant, by least squares.
  private struct Fit {
    let course: [Double]
    let spread: Double
    let amplitude: Double
    let residuals: [Double]
    let squares: Double

    init(_ values: [Double], _ mean: Double, _ course: [Double]) {
      let centre = course.reduce(0, +) / Double(course.count)
      let spread = course.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
      let amplitude =
        zip(course, values).reduce(0) { $0 + ($1.0 - centre) * ($1.1 - mean) } / spread
      residuals = zip(course, values).map { $1 - mean - amplitude * ($0 - centre) }
      squares = residuals.reduce(0) { $0 + $1 * $1 }
      (self.course, self.spread, self.amplitude) = (course, spread, amplitude)
    }
  }
}

/// How sure an interval is.
public enum Confidence: Sendable {
  case of95, of99

  /// Student's t, two-sided: exact to three decimals up to ten degrees of freedom, to 0.002 beyond.
  func quantile(_ degrees: Int) -> Double {
    let exact =
      switch self {
      case .of95: [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
      case .of99: [63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169]
      }
    if degrees <= exact.count { return exact[max(degrees, 1) - 1] }
    // Cornish and Fisher's expansion about the normal quantile.
    let (z, v) = (self == .of95 ? 1.959964 : 2.575829, Double(degrees))
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
    halfWidth =
      Confidence.of99.quantile(values.count - 1)
      * (squares / (n - 1) / n * (1 + correlation) / (1 - correlation)).squareRoot()
  }
}
