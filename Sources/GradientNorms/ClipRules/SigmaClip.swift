import ExperimentKeys

/// `clip.rule = "sigma"`: the limit is mean + `sigmaFactor`·σ of the norms of the last `window`
/// steps, by default of the update's (Levanter's `clip_update_norm`; the statistic by which OLMo
/// skips steps).
///
/// The window has the norms before clipping, of the steps before this one: a limit made of clipped
/// norms could only shrink where they hardly vary, as the updates of LAMB, Lion and Muon do. A spike
/// therefore widens the limit until it leaves the window.
public struct SigmaClip: ClipRule, Equatable {
  public static let kind = "sigma"
  public static let summary =
    "By the mean of recent norms and their standard deviation, as Levanter limits its updates: for `clip.of` update."
  public static let usualTarget = ClipTarget.update
  public var window: Int
  public var sigmaFactor: Double

  public struct State: Codable, Sendable, Equatable {
    /// The last norms, oldest first.
    var norms: [Double] = []
  }

  /// Levanter's defaults.
  public init(window: Int = 128, sigmaFactor: Double = 3) {
    (self.window, self.sigmaFactor) = (window, sigmaFactor)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    window = try keys.integer(
      "window", default: 128, in: 2...(1 << 20),
      "how many recent norms there are; it acts when half of them are there, and at least two")
    sigmaFactor = try keys.clipLimit(
      "sigma_factor", default: 3, "standard deviations above the mean")
  }

  public func initialState(tensorCount: Int) -> State { State() }

  public func accepts(_ state: State, tensorCount: Int) -> Bool {
    state.norms.allSatisfy { $0 > 0 && $0.isFinite }
  }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    let (norm, limit) = (norms.whole, limit(state.norms.suffix(window)))
    if norm > 0 { state.norms.append(norm) }
    if state.norms.count > window { state.norms.removeFirst(state.norms.count - window) }
    guard let limit, norm > limit else { return ClipEffect(threshold: limit) }
    return ClipEffect(limiting: norm, to: limit)
  }

  /// The mean and σ times the factor, σ being the population's and at least 10⁻⁶; nil for too few
  /// norms, and where it would not be finite.
  private func limit(_ norms: ArraySlice<Double>) -> Double? {
    guard norms.count >= max(2, window / 2) else { return nil }
    let count = Double(norms.count)
    let mean = norms.reduce(0) { $0 + $1 / count }
    let variance = norms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / count }
    let limit = mean + sigmaFactor * max(variance.squareRoot(), 1e-6)
    return limit.isFinite ? limit : nil
  }
}
