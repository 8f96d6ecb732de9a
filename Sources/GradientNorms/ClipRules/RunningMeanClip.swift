import ExperimentKeys

/// `clip.rule = "ema"`: each tensor's limit is `ratio` times a running mean of its own clipped
/// norms (OLMo).
public struct RunningMeanClip: ClipRule, Equatable {
  public static let kind = "ema"
  public static let summary =
    "Each tensor by a running mean of its norms, which begins with the first above 0: without a warm-up."
  public var ratio: Double
  public var memory: Double

  public struct State: Codable, Sendable, Equatable {
    /// Running means of each tensor's clipped norm; empty before the first step.
    var tensorMeans: [Double] = []
  }

  public init(ratio: Double, memory: Double) {
    (self.ratio, self.memory) = (ratio, memory)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    ratio = try keys.clipLimit(
      "ratio", default: 1.1,
      "a tensor's limit in parts of the running mean of its own clipped norms")
    memory = try keys.clipMemory(default: 0.99, "of that mean")
  }

  public var needs: ClipNeeds { .tensorNorms }

  public func initialState(tensorCount: Int) -> State { State() }

  public func accepts(_ state: State, tensorCount: Int) -> Bool {
    [0, tensorCount].contains(state.tensorMeans.count)
  }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    let norms = norms.tensors
    if state.tensorMeans.isEmpty { state.tensorMeans = norms }
    // A mean of zero has seen no gradient yet.
    for tensor in norms.indices where state.tensorMeans[tensor] == 0 {
      state.tensorMeans[tensor] = norms[tensor]
    }
    let factors = norms.indices.map {
      state.tensorMeans[$0] > 0
        ? clipCoefficient(norm: norms[$0], limit: ratio * state.tensorMeans[$0]) : 1
    }
    for tensor in norms.indices where norms[tensor] > 0 {
      state.tensorMeans[tensor] =
        memory * state.tensorMeans[tensor] + (1 - memory) * factors[tensor] * norms[tensor]
    }
    return ClipEffect(.perTensor(factors))
  }
}

extension ClipRule where Self == RunningMeanClip {
  public static func ema(ratio: Double, memory: Double) -> RunningMeanClip {
    RunningMeanClip(ratio: ratio, memory: memory)
  }
}
