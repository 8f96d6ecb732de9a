import ExperimentKeys

/// `stop.rule = "loss"`: training ends where the mean loss of the last `window` steps differs from
/// that of the `window` steps before by at most `change` times its size. This is the usual rule of
/// k-means, whose loss is the inertia.
public struct LossStop: StopRule, Equatable {
  public static let kind = "loss"
  public static let summary = "Training ends where the mean loss no longer changes."
  public var change: Double
  public var window: Int

  public init(change: Double, window: Int) {
    (self.change, self.window) = (change, window)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    change = try keys.number(
      "change", default: 1e-4, wanted: "a number above 0, of the loss",
      "ends where two means differ by no more than this part"
    ) { $0 > 0 }
    window = try keys.stopWindow("steps in each mean")
  }

  public var initialState: WindowState { WindowState() }
  public var stateSettings: [String] { ["change = \(change)", "window = \(window)"] }

  public func record(_ ledger: NormLedger, _ decision: StepDecision, _ state: inout WindowState) {
    guard state.keep(ledger.meanLoss, newest: 2 * window) else { return }
    let before = state.values[..<window].reduce(0, +) / Double(window)
    let now = state.values[window...].reduce(0, +) / Double(window)
    guard abs(now - before) <= change * abs(before) else { return }
    state.reason =
      "the loss went from \(formatted(before)) to \(formatted(now)) (means of \(window)), a change of at most \(formatted(change)) of it"
  }
}

extension StopRule where Self == LossStop {
  public static func loss(change: Double, window: Int) -> LossStop {
    LossStop(change: change, window: window)
  }
}
