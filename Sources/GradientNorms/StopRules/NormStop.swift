import ExperimentKeys

/// `stop.rule = "norm"`: training ends where the root mean square of the mean gradient's norm over
/// the last `window` steps is at most `below`.
///
/// With minibatches that norm has a floor of √(trΣ/B), which a limit has to lie above.
public struct NormStop: StopRule, Equatable {
  public static let kind = "norm"
  public static let summary = "Training ends where the gradient's norm is small."
  public var below: Double
  public var window: Int

  public init(below: Double, window: Int) {
    (self.below, self.window) = (below, window)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    below = try keys.number(
      needed: "below", example: 0.1, missing: "rule norm needs the norm that it stops at",
      wanted: "a number above 0, the gradient's norm", "ends at this root mean square of the norm"
    ) { $0 > 0 }
    window = try keys.stopWindow("steps whose norms are taken together")
  }

  public var initialState: WindowState { WindowState() }
  public var stateSettings: [String] { ["below = \(below)", "window = \(window)"] }

  public func record(_ ledger: NormLedger, _ decision: StepDecision, _ state: inout WindowState) {
    guard let norm = decision.norm, state.keep(norm * norm, newest: window) else { return }
    let size = (state.values.reduce(0, +) / Double(window)).squareRoot()
    guard size <= below else { return }
    let steps = window == 1 ? "step" : "\(window) steps"
    state.reason =
      "the gradient's norm was \(formatted(size)) over the last \(steps), at most \(formatted(below))"
  }
}

extension StopRule where Self == NormStop {
  public static func norm(below: Double, window: Int) -> NormStop {
    NormStop(below: below, window: window)
  }
}
