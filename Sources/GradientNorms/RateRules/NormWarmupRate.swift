import ExperimentKeys

/// `schedule.kind = "warmup-on-norm"`: the rate rises linearly over at most `steps`, and is whole
/// as soon as the norm has settled: when its running means of 10 and of 50 steps have been within
/// `tolerance` of each other for 20 steps.
public struct NormWarmupRate: RateRule, Equatable {
  public static let kind = "warmup-on-norm"
  public static let summary = "The rate rises until the norm has settled."
  public var steps: Int
  public var tolerance: Double

  public struct State: Codable, Sendable, Equatable {
    var factor = 1.0
    var steps = 0
    var fast = RunningMean(memory: 0.9)
    var slow = RunningMean(memory: 0.98)
    var waited = 0
    var isSettled = false
  }

  public init(steps: Int, tolerance: Double) {
    (self.steps, self.tolerance) = (steps, tolerance)
  }

  public init(_ keys: inout ExperimentReader, for run: RateContext) throws(ExperimentError) {
    steps = try keys.integer(
      "warmup_steps", default: 1000, in: 1...Int.max, "steps in which the rate rises at most")
    tolerance = try keys.number(
      "tolerance", default: 0.05, wanted: "a number above 0",
      "the rate is whole as soon as the running means of 10 and of 50 norms have been this close, in parts, for 20 steps"
    ) { $0 > 0 }
  }

  public var initialState: State { State() }

  public func factor(_ ledger: NormLedger, _ noise: NoiseScale, _ state: inout State) -> Double {
    state.steps += 1
    state.fast.record(ledger.norm)
    state.slow.record(ledger.norm)
    // Two means of 0 are those of gradients that were all 0, not of a norm that has settled.
    let near =
      state.slow.value > 0
      && abs(state.fast.value - state.slow.value) <= tolerance * state.slow.value
    state.waited = near ? state.waited + 1 : 0
    if state.waited >= 20 && state.steps > 20 { state.isSettled = true }
    state.factor = state.isSettled ? 1 : min(1, Double(state.steps) / Double(steps))
    return state.factor
  }

  public func factorInForce(_ state: State) -> Double {
    state.steps == 0 ? 1 / Double(steps) : state.factor
  }
}

extension RateRule where Self == NormWarmupRate {
  public static func warmup(steps: Int, tolerance: Double) -> NormWarmupRate {
    NormWarmupRate(steps: steps, tolerance: tolerance)
  }
}
