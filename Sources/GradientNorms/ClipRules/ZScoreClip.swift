import ExperimentKeys

/// `clip.rule = "zscore"`: the limit follows a running mean and deviation of the norm (Kumar et al.
/// 2025, ZClip, arXiv 2504.02507).
public struct ZScoreClip: ClipRule, Equatable {
  public static let kind = "zscore"
  public static let summary = "ZClip: by the deviations of a norm from the running mean of norms."
  public var memory: Double
  public var threshold: Double
  public var warmup: Int
  /// A limit that holds whatever the statistics say.
  public var maxNorm: Double?

  public struct State: Codable, Sendable, Equatable {
    /// The norms of the warm-up.
    var norms: [Double] = []
    /// The running mean and variance, once it is over.
    var mean = 0.0
    var variance = 0.0
  }

  /// The paper's defaults.
  public init(
    memory: Double = 0.97, threshold: Double = 2.5, warmup: Int = 25, maxNorm: Double? = nil
  ) {
    (self.memory, self.threshold, self.warmup, self.maxNorm) = (memory, threshold, warmup, maxNorm)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    memory = try keys.clipMemory(
      default: 0.97,
      "of the mean and deviation of norms, which begin with those of the warm-up")
    threshold = try keys.clipLimit("threshold", default: 2.5, "deviations above the mean")
    warmup = try keys.integer(
      "warmup_steps", default: 25, in: 2...(1 << 20),
      "steps with a norm above 0 before it acts")
    maxNorm = try keys.number(
      optional: "max_norm", wanted: "a finite number above 0",
      "a limit that always holds, the only one during the warm-up"
    ) { $0 > 0 }
  }

  public func initialState(tensorCount: Int) -> State { State() }

  // The norms of the warm-up become a mean and a variance at its end.
  public var stateSettings: [String] { ["warmup_steps = \(warmup)"] }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    ClipEffect(limiting: norms.whole, to: limit(norms.whole, &state))
  }

  /// The mean and population variance of the first norms, then their running means, fed with the
  /// clipped norm.
  private func limit(_ norm: Double, _ state: inout State) -> Double? {
    if norm == 0 { return maxNorm }
    if state.norms.count < warmup {
      state.norms.append(norm)
      if state.norms.count == warmup {
        state.mean = state.norms.reduce(0, +) / Double(warmup)
        let mean = state.mean
        state.variance = state.norms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(warmup)
      }
      return maxNorm
    }
    let deviation = state.variance.squareRoot()
    let score = (norm - state.mean) / (deviation + 1e-6)
    let adaptive =
      score > threshold ? state.mean + threshold * deviation * (threshold / score) : nil
    let admitted = adaptive ?? norm
    state.mean = memory * state.mean + (1 - memory) * admitted
    let difference = admitted - state.mean
    state.variance = memory * state.variance + (1 - memory) * difference * difference
    switch (adaptive, maxNorm) {
    case (let limit?, let largest?): return min(limit, largest)
    case (let limit, let largest): return limit ?? largest
    }
  }
}

extension ClipRule where Self == ZScoreClip {
  public static func zscore(
    memory: Double = 0.97, threshold: Double = 2.5, warmup: Int = 25, maxNorm: Double? = nil
  ) -> ZScoreClip {
    ZScoreClip(memory: memory, threshold: threshold, warmup: warmup, maxNorm: maxNorm)
  }
}
