import ExperimentKeys

/// `clip.rule = "adagc"`: each tensor is clipped to `ratio` times a running mean of its own clipped
/// norms; during a warm-up the whole gradient is clipped to `maxNorm`, and each tensor's mean
/// begins with the smallest norm that this left (Wang et al. 2025, AdaGC, arXiv 2502.11034).
public struct AdaGC: ClipRule, Equatable {
  public static let kind = "adagc"
  public static let summary = "AdaGC: each tensor by a running mean of its norms, after a warm-up."
  public var ratio: Double
  public var memory: Double
  public var warmup: Int
  public var maxNorm: Double

  public struct State: Codable, Sendable, Equatable {
    /// Steps taken, as far as the warm-up counts them.
    var steps = 0
    /// γₖ; 0 for a tensor that no gradient has reached yet.
    var tensorMeans: [Double] = []
  }

  public init(ratio: Double = 1.05, memory: Double = 0.98, warmup: Int = 100, maxNorm: Double = 1) {
    (self.ratio, self.memory, self.warmup, self.maxNorm) = (ratio, memory, warmup, maxNorm)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    ratio = try keys.clipLimit(
      "ratio", default: 1.05,
      "a tensor's limit in parts of the running mean of its own clipped norms")
    memory = try keys.clipMemory(
      default: 0.98, "of that mean, which begins with the smallest norm of the warm-up")
    warmup = try keys.integer(
      "warmup_steps", default: 100, in: 1...(1 << 20),
      "steps in which the whole gradient is clipped instead")
    maxNorm = try keys.clipLimit("max_norm", default: 1, "the norm that it is clipped to then")
  }

  public var needs: ClipNeeds { .tensorNorms }

  // Within the warm-up γₖ is a minimum, after it a mean.
  public var stateSettings: [String] { ["warmup_steps = \(warmup)"] }

  public func initialState(tensorCount: Int) -> State {
    State(tensorMeans: [Double](repeating: 0, count: tensorCount))
  }

  public func accepts(_ state: State, tensorCount: Int) -> Bool {
    state.tensorMeans.count == tensorCount && (0...warmup).contains(state.steps)
  }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    let tensors = norms.tensors
    if state.steps < warmup {
      // A step without gradient is none of the warm-up, nor does a zero become the smallest norm:
      // the tensor would never move again.
      guard norms.whole > 0 else { return ClipEffect() }
      state.steps += 1
      let coefficient = clipCoefficient(norm: norms.whole, limit: maxNorm)
      for tensor in tensors.indices where tensors[tensor] > 0 {
        let left = coefficient * tensors[tensor]
        state.tensorMeans[tensor] =
          state.tensorMeans[tensor] == 0 ? left : min(state.tensorMeans[tensor], left)
      }
      return ClipEffect(
        .perTensor([Double](repeating: coefficient, count: tensors.count)), threshold: maxNorm)
    }
    let factors = tensors.indices.map { tensor in
      state.tensorMeans[tensor] > 0
        ? clipCoefficient(norm: tensors[tensor], limit: ratio * state.tensorMeans[tensor]) : 1
    }
    for tensor in tensors.indices where tensors[tensor] > 0 {
      let left = factors[tensor] * tensors[tensor]
      state.tensorMeans[tensor] =
        state.tensorMeans[tensor] == 0
        ? left : memory * state.tensorMeans[tensor] + (1 - memory) * left
    }
    return ClipEffect(.perTensor(factors))
  }
}
