/// Sums over consecutive steps of what a verdict reads: one block of a ``BlockSeries``.
///
/// ℓ is a step's mean loss with its penalty, T = ‖g‖², and trΣ/B the share of T that is minibatch
/// noise. A skipped step counts in `steps` alone.
public struct StepSums: Sendable, Equatable, Codable {
  public var steps = 0
  public var taken = 0
  public var loss = 0.0
  public var squaredLoss = 0.0
  /// Σ(ℓₜ − ℓₜ₋₁)² over `pairs` of neighbouring steps that were both taken.
  public var squaredLossChange = 0.0
  public var pairs = 0
  public var squaredNorm = 0.0
  /// Σ of the learning rates.
  public var rate = 0.0
  /// Of the steps whose noise is known: their number, their T, and their trΣ/B.
  public var resolved = 0
  public var resolvedSquaredNorm = 0.0
  public var noise = 0.0
  /// Σ‖Δw‖‖g‖, at most what the updates would lower the loss by if it were a plane, and the number
  /// of updates in it.
  public var predictedDecrease = 0.0
  public var updates = 0
  /// Σ‖Δw‖ and, below, Σ‖w‖ of those updates.
  public var path = 0.0
  /// Σ of the lengths that the same updates would have as steps of plain gradient descent: the rate
  /// times the norm of what is applied.
  public var descent = 0.0
  public var weights = 0.0
  /// Σ log₁₀ of the gradient norm of the first and of the last quarter of the tensors, over `deep`
  /// steps.
  public var firstTensors = 0.0
  public var lastTensors = 0.0
  public var deep = 0

  public init() {}

  public static func += (sums: inout StepSums, other: StepSums) {
    sums.steps += other.steps
    sums.taken += other.taken
    sums.loss += other.loss
    sums.squaredLoss += other.squaredLoss
    sums.squaredLossChange += other.squaredLossChange
    sums.pairs += other.pairs
    sums.squaredNorm += other.squaredNorm
    sums.rate += other.rate
    sums.resolved += other.resolved
    sums.resolvedSquaredNorm += other.resolvedSquaredNorm
    sums.noise += other.noise
    sums.predictedDecrease += other.predictedDecrease
    sums.updates += other.updates
    sums.path += other.path
    sums.descent += other.descent
    sums.weights += other.weights
    sums.firstTensors += other.firstTensors
    sums.lastTensors += other.lastTensors
    sums.deep += other.deep
  }

  static func total(_ parts: some Sequence<StepSums>) -> StepSums {
    parts.reduce(into: StepSums()) { $0 += $1 }
  }
}

extension StepSums {
  /// The names in checkpoints, which stay.
  private enum CodingKeys: String, CodingKey {
    case steps, taken, loss, squaredLoss, squaredLossChange, pairs, squaredNorm, rate, resolved
    case resolvedSquaredNorm, noise
    case predictedDecrease = "promise"
    case updates, path, descent, weights, firstTensors, lastTensors, deep
  }

  /// Reads what a checkpoint wrote; what older ones did not have is zero.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func count(_ key: CodingKeys) throws -> Int { try fields.decode(Int.self, forKey: key) }
    func sum(_ key: CodingKeys) throws -> Double { try fields.decode(Double.self, forKey: key) }
    (steps, taken, pairs, resolved) = (
      try count(.steps), try count(.taken), try count(.pairs), try count(.resolved)
    )
    (updates, deep) = (try count(.updates), try count(.deep))
    (loss, squaredLoss, squaredLossChange) = (
      try sum(.loss), try sum(.squaredLoss), try sum(.squaredLossChange)
    )
    (squaredNorm, rate, resolvedSquaredNorm) = (
      try sum(.squaredNorm), try sum(.rate), try sum(.resolvedSquaredNorm)
    )
    (noise, predictedDecrease, firstTensors, lastTensors) = (
      try sum(.noise), try sum(.predictedDecrease), try sum(.firstTensors), try sum(.lastTensors)
    )
    path = try fields.decodeIfPresent(Double.self, forKey: .path) ?? 0
    descent = try fields.decodeIfPresent(Double.self, forKey: .descent) ?? 0
    weights = try fields.decodeIfPresent(Double.self, forKey: .weights) ?? 0
  }

  public var meanLoss: Double { loss / Double(taken) }
  /// The mean of T.
  public var meanSquaredNorm: Double { squaredNorm / Double(taken) }
  /// |G|² and trΣ/B, means over the steps whose noise is known; nil where there are none.
  public var signal: Double? {
    resolved > 0 ? (resolvedSquaredNorm - noise) / Double(resolved) : nil
  }
  public var floor: Double? { resolved > 0 ? noise / Double(resolved) : nil }
}
