import Glibc

/// How throughput grows with the number of ranks, in three classic forms: X(p) = λ·C(p), λ being
/// one rank's throughput.
public enum ScalingLaw: String, CaseIterable, Sendable {
  /// C = p / (1 + σ(p − 1)), σ the serial fraction of a problem of one size (Amdahl 1967).
  case amdahl
  /// C = p − s(p − 1), s the serial fraction of a problem that grows with the ranks (Gustafson
  /// 1988).
  case gustafson
  /// C = p / (1 + σ(p − 1) + κp(p − 1)), σ for contention and κ for coherence (Gunther 1993).
  case usl

  /// The names of the coefficients after λ.
  public var coefficientNames: [String] {
    switch self {
    case .amdahl: ["σ"]
    case .gustafson: ["s"]
    case .usl: ["σ", "κ"]
    }
  }

  /// What each coefficient can be: σ and s are fractions of the work, κ a cost.
  public var bounds: [ClosedRange<Double>] {
    switch self {
    case .amdahl, .gustafson: [0...1]
    case .usl: [0...1, 0...Double.infinity]
    }
  }

  /// C(p), the speed-up over one rank.
  public func speedUp(_ ranks: Double, _ c: [Double]) -> Double {
    switch self {
    case .amdahl: ranks / (1 + c[0] * (ranks - 1))
    case .gustafson: ranks - c[0] * (ranks - 1)
    case .usl: ranks / (1 + c[0] * (ranks - 1) + c[1] * ranks * (ranks - 1))
    }
  }
}

/// A law fitted to measured throughputs, its coefficients within the law's bounds.
public struct ScalingFit: Sendable, Equatable {
  public let law: ScalingLaw
  /// One rank's throughput.
  public let base: Estimate
  public let coefficients: [Estimate]
  /// The root mean square of the relative residuals, over points − parameters; nil where there are
  /// no points to spare.
  public let relativeDeviation: Double?

  /// Fits to (ranks, samples a second) pairs, repeats being points of their own. Errors are taken
  /// as proportional to the throughput, as timings' are. Nil where there are not as many different
  /// rank counts as numbers to fit.
  ///
  /// Where the best coefficients lie outside of their bounds, those that do are set to a bound: of
  /// all choices whose other coefficients then lie within theirs, the one with the smallest
  /// residual, which is the solution of the bounded problem. There are two coefficients at most.
  public init?(_ law: ScalingLaw, _ points: [(ranks: Int, throughput: Double)]) {
    guard Set(points.map(\.ranks)).count > law.coefficientNames.count,
      points.allSatisfy({ $0.throughput > 0 })
    else { return nil }
    var best: (fit: CurveFit, choice: [Double?])?
    for choice in Self.choices(law.bounds) {
      guard let fit = Self.fit(law, points, fixed: choice), Self.isWithin(fit, choice, law.bounds)
      else { continue }
      if best.map({ fit.residualSquares < $0.fit.residualSquares }) ?? true { best = (fit, choice) }
      // The first choice fixes nothing: where it lies within the bounds it is the solution.
      if choice.allSatisfy({ $0 == nil }) { break }
    }
    guard let best else { return nil }
    let free = Self.fit(law, points, fixed: law.bounds.map { _ in nil })
    self.law = law
    base = best.fit.parameters[0]
    var fitted = best.fit.parameters.dropFirst()
    coefficients = best.choice.enumerated().map { index, fixed in
      // One at its bound is as uncertain as the free fit's, on the side that is left.
      var estimate = Estimate(
        value: fixed ?? 0, standardError: free?.parameters[index + 1].standardError,
        degreesOfFreedom: best.fit.parameters[0].degreesOfFreedom)
      if fixed == nil { estimate = fitted.removeFirst() }
      estimate.bounds = law.bounds[index]
      return estimate
    }
    relativeDeviation = best.fit.residualDeviation
  }

  public func throughput(_ ranks: Int) -> Double {
    base.value * law.speedUp(Double(ranks), coefficients.map(\.value))
  }

  /// The rank count past which more ranks are slower: √((1 − σ)/κ) by the universal law; nil where
  /// there is none.
  public var peak: Double? {
    guard law == .usl, coefficients[1].value > 0, coefficients[0].value < 1 else { return nil }
    return ((1 - coefficients[0].value) / coefficients[1].value).squareRoot()
  }

  // MARK: Bounds

  /// Each coefficient free or at one of its finite bounds; all free comes first.
  private static func choices(_ bounds: [ClosedRange<Double>]) -> [[Double?]] {
    bounds.reduce([[]]) { choices, range in
      choices.flatMap { choice in
        ([nil, range.lowerBound, range.upperBound].filter { $0?.isFinite ?? true }).map {
          choice + [$0]
        }
      }
    }
  }

  private static func fit(
    _ law: ScalingLaw, _ points: [(ranks: Int, throughput: Double)], fixed: [Double?]
  ) -> CurveFit? {
    let first = points.min { $0.ranks < $1.ranks }!
    let guesses = zip(fixed, [0.05, 0.001]).compactMap { $0 == nil ? $1 : nil }
    return CurveFit(
      points.map { (Double($0.ranks), $0.throughput) }, deviations: points.map(\.throughput),
      start: [first.throughput / Double(first.ranks)] + guesses
    ) { ranks, c in
      var free = c.dropFirst()
      return c[0] * law.speedUp(ranks, fixed.map { $0 ?? free.removeFirst() })
    }
  }

  private static func isWithin(
    _ fit: CurveFit, _ choice: [Double?], _ bounds: [ClosedRange<Double>]
  ) -> Bool {
    let free = zip(choice, bounds).compactMap { $0 == nil ? $1 : nil }
    return zip(fit.parameters.dropFirst(), free).allSatisfy { $1.contains($0.value) }
  }
}
