import Glibc

/// How throughput grows with the number of ranks, in three classic forms: X(p) = λ·C(p), λ being one rank's throughput.
public enum ScalingLaw: String, CaseIterable, Sendable {
  /// C = p / (1 + σ(p − 1)), σ the serial fraction (Amdahl 1967).
  case amdahl
  /// C = p − s(p − 1), s the serial fraction of the scaled run (Gustafson 1988).
  case gustafson
  /// C = p / (1 + σ(p − 1) + κp(p − 1)), σ for contention and κ for coherence (Gunther 1993).
  case usl

  /// The names of the coefficients behind λ.
  public var coefficientNames: [String] {
    switch self {
    case .amdahl: ["σ"]
    case .gustafson: ["s"]
    case .usl: ["σ", "κ"]
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

/// A law fitted to measured throughputs.
public struct ScalingFit: Sendable, Equatable {
  public let law: ScalingLaw
  /// One rank's throughput.
  public let base: Estimate
  public let coefficients: [Estimate]
  /// The root mean square of the relative residuals, over points − parameters; nil where there are no points to spare.
  public let relativeDeviation: Double?

  /// Fits to (ranks, samples a second) pairs, repeats being points of their own. Errors are taken as proportional to the throughput, as timings' are.
  /// Nil where there are not as many different rank counts as numbers to fit.
  public init?(_ law: ScalingLaw, _ points: [(ranks: Int, throughput: Double)]) {
    guard Set(points.map(\.ranks)).count > law.coefficientNames.count, points.allSatisfy({ $0.throughput > 0 }) else { return nil }
    let first = points.min { $0.ranks < $1.ranks }!
    let start = [first.throughput / Double(first.ranks), 0.05] + (law == .usl ? [0.001] : [])
    let fit = CurveFit(points.map { (Double($0.ranks), $0.throughput) }, deviations: points.map(\.throughput), start: start) { ranks, c in
      c[0] * law.speedUp(ranks, Array(c[1...]))
    }
    guard let fit else { return nil }
    self.law = law
    base = fit.parameters[0]
    coefficients = Array(fit.parameters[1...])
    relativeDeviation = fit.residualDeviation
  }

  public func throughput(_ ranks: Int) -> Double { base.value * law.speedUp(Double(ranks), coefficients.map(\.value)) }

  /// The rank count past which more ranks are slower: √((1 − σ)/κ) by the universal law; nil where there is none.
  public var peak: Double? {
    guard law == .usl, extrapolates, coefficients[1].value > 0, coefficients[0].value < 1 else { return nil }
    return ((1 - coefficients[0].value) / coefficients[1].value).squareRoot()
  }

  /// Whether it may be carried past what was measured: a coefficient below 0, which noise brings forth, would make it run away.
  public var extrapolates: Bool { coefficients.allSatisfy { $0.value >= 0 } }
}
