import Lockstep

/// `clip.rule = "window-quantile"`: the limit is a quantile of the norms of the last steps.
struct WindowClip: ClipRule {
  static let kind = "window-quantile"
  static let summary = "By a quantile of recent norms."
  let quantile: Double
  let window: Int

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    quantile = try keys.number(
      "quantile", default: 0.9, in: 0...1, "share of steps that are left as they are")
    window = try keys.integer(
      "window", default: 500, in: 2...10000, "steps whose norms are remembered")
  }

  /// What the rule remembers; checkpoints hold it under the rule's name.
  struct State: Codable, Sendable, Equatable { var norms: [Double] = [] }

  func initialState(tensorCount: Int) -> State { State() }

  func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    guard norms.whole > 0 else { return ClipEffect() }
    state.norms = state.norms.suffix(window - 1) + [norms.whole]
    let limit = state.norms.sorted()[Int(quantile * Double(state.norms.count - 1))]
    return ClipEffect(limiting: norms.whole, to: limit)
  }
}
