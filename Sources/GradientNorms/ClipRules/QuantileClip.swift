import ExperimentKeys

/// `clip.rule = "quantile"`: the limit C follows a quantile of the norms: after a step it is
/// multiplied by exp(−rate·(unclipped − quantile)), `unclipped` being 1 where the step's norm was
/// at most C and 0 where it was longer (Andrew et al. 2019, arXiv 1905.03871, without its noise).
public struct QuantileClip: ClipRule, Equatable {
  public static let kind = "quantile"
  public static let summary =
    "By a limit that grows by a factor after a step that it clipped and shrinks after another, so that a given share of steps is left as it is."
  /// The share of steps that is to be left unclipped.
  public var quantile: Double
  /// η
  public var rate: Double
  /// C before the first step; nil for the first norm above 0.
  public var startNorm: Double?

  public struct State: Codable, Sendable, Equatable {
    /// C; 0 before the first norm above 0.
    var limit = 0.0
  }

  /// The paper's defaults.
  public init(quantile: Double = 0.5, rate: Double = 0.2, startNorm: Double? = nil) {
    (self.quantile, self.rate, self.startNorm) = (quantile, rate, startNorm)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    quantile = try keys.number(
      "quantile", default: 0.5, wanted: "a number above 0 and below 1",
      "the share of steps that is to be left unclipped"
    ) { $0 > 0 && $0 < 1 }
    rate = try keys.number(
      "rate", default: 0.2, wanted: "a number above 0 and at most 10",
      "how fast the limit follows: times exp(rate*quantile) after a step that was clipped, times exp(rate*(quantile - 1)) after another"
    ) { $0 > 0 && $0 <= 10 }
    startNorm = try keys.number(
      optional: "start_norm", wanted: "a finite number above 0",
      "the limit of the first step; by default that step's own norm, which leaves it as it is"
    ) { $0 > 0 }
  }

  public func initialState(tensorCount: Int) -> State { State() }

  public func accepts(_ state: State, tensorCount: Int) -> Bool {
    state.limit >= 0 && state.limit.isFinite
  }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    let norm = norms.whole
    // A step without gradient says nothing of norms: the limit stays as it is.
    guard norm > 0 else { return ClipEffect(threshold: state.limit > 0 ? state.limit : startNorm) }
    let limit = state.limit > 0 ? state.limit : startNorm ?? norm
    let isUnclipped = norm <= limit
    let next = limit * exponential(rate * (isUnclipped ? quantile - 1 : quantile))
    // Neither 0 nor infinite for ever, whatever the norms.
    state.limit = min(max(next, .leastNormalMagnitude), .greatestFiniteMagnitude)
    return isUnclipped ? ClipEffect(threshold: limit) : ClipEffect(limiting: norm, to: limit)
  }
}

/// eˣ for |x| of at most 700, within a few units of the last place: the same bits with every C
/// library, so on ranks of different hosts.
private func exponential(_ x: Double) -> Double {
  // x = n·ln 2 + r with |r| of at most ½·ln 2, where 14 terms of the series are enough.
  let count = (x * 1.4426950408889634).rounded()
  let rest = (x - count * 0.693147180369123816490) - count * 1.90821492927058770002e-10
  var sum = 1.0
  for term in stride(from: 14.0, to: 0, by: -1) { sum = 1 + rest / term * sum }
  return Double(sign: .plus, exponent: Int(count), significand: sum)
}
