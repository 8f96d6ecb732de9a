import ExperimentKeys

/// `schedule.kind = "plateau-on-norm"`: the rate falls by `factor` whenever the running mean of the
/// norm has not fallen by the fraction `threshold` for more than `patience` steps.
public struct PlateauRate: RateRule, Equatable {
  public static let kind = "plateau-on-norm"
  public static let summary = "The rate falls where the norm has stopped falling."
  public var factor: Double
  public var patience: Int
  public var threshold: Double

  public struct State: Codable, Sendable, Equatable {
    var factor = 1.0
    var slow = RunningMean(memory: 0.98)
    var best: Double?
    var waited = 0
  }

  public init(factor: Double, patience: Int, threshold: Double) {
    (self.factor, self.patience, self.threshold) = (factor, patience, threshold)
  }

  public init(_ keys: inout ExperimentReader, for run: RateContext) throws(ExperimentError) {
    factor = try keys.number(
      "factor", default: 0.5, wanted: "a number above 0 and below 1",
      "by which the rate falls where the norm has stopped falling"
    ) { $0 > 0 && $0 < 1 }
    patience = try keys.integer(
      "patience", default: 200, in: 1...Int.max,
      "steps to wait for that, counted from the first norm above 0")
    threshold = try keys.number(
      "threshold", default: 0.01, in: 0..<1,
      "the part by which the running mean has to fall to count")
  }

  public var initialState: State { State() }

  public func factor(_ ledger: NormLedger, _ noise: NoiseScale, _ state: inout State) -> Double {
    state.slow.record(ledger.norm)
    let mean = state.slow.value
    // No norm falls below a mean of 0, which is that of gradients that were all 0: there is no best
    // yet.
    if mean == 0 { return state.factor }
    if mean < (state.best ?? .infinity) * (1 - threshold) {
      state.best = mean
      state.waited = 0
    } else {
      state.waited += 1
      if state.waited > patience {
        state.factor *= factor
        state.waited = 0
        state.best = mean
      }
    }
    return state.factor
  }

  public func factorInForce(_ state: State) -> Double { state.factor }
}

extension RateRule where Self == PlateauRate {
  public static func plateau(factor: Double, patience: Int, threshold: Double) -> PlateauRate {
    PlateauRate(factor: factor, patience: patience, threshold: threshold)
  }
}
