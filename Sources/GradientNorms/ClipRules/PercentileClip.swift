import ExperimentKeys

/// `clip.rule = "percentile"`: the limit is a percentile of the norms of the last `window` steps,
/// this one included (Seetharaman et al. 2020, AutoClip).
public struct PercentileClip: ClipRule, Equatable {
  public static let kind = "percentile"
  public static let summary =
    "By a percentile of recent norms, the step's own included, so that the first step is left as it is."
  public var percent: Double
  public var window: Int

  public struct State: Codable, Sendable, Equatable {
    /// The last norms, oldest first.
    var norms: [Double] = []
  }

  public init(percent: Double, window: Int) {
    (self.percent, self.window) = (percent, window)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    percent = try keys.number(
      "percentile", default: 10, wanted: "a number from 0 to 100", "of the recent norms"
    ) { (0...100).contains($0) }
    window = try keys.integer("window", default: 1000, in: 1...(1 << 20), "how many these are")
  }

  public func initialState(tensorCount: Int) -> State { State() }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    if norms.whole > 0 { state.norms.append(norms.whole) }
    if state.norms.count > window { state.norms.removeFirst(state.norms.count - window) }
    return ClipEffect(
      limiting: norms.whole,
      to: state.norms.isEmpty ? nil : quantile(percent / 100, of: state.norms))
  }
}

extension ClipRule where Self == PercentileClip {
  public static func percentile(percent: Double, window: Int) -> PercentileClip {
    PercentileClip(percent: percent, window: window)
  }
}

/// A quantile with linear interpolation, numpy's default; of at least one value.
package func quantile(_ share: Double, of values: [Double]) -> Double {
  let sorted = values.sorted()
  let position = share * Double(sorted.count - 1)
  let below = Int(position)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
}
