import Glibc

/// A clip rule and what it remembers. Fed only with reduced, finite norms, so equal on all ranks; kept in checkpoints.
///
/// A norm of 0 says nothing of how long gradients are, and enters no memory: no statistic can become 0, and a limit of 0, from which no
/// weight would ever move again, does not arise.
public struct ClipDetector: Sendable, Equatable {
  public let rule: ClipRule
  /// Elements of each tensor, for budgets by size.
  private let sizes: [Int]
  public var memory = Memory()

  /// What a rule carries from step to step.
  public struct Memory: Sendable, Equatable, Codable {
    /// The last norms, oldest first: percentile, and ZClip's warm-up.
    var norms: [Double] = []
    /// ZClip's running mean and variance.
    var mean = 0.0
    var variance = 0.0
    /// Running means of each tensor's clipped norm.
    var tensorMeans: [Double] = []
    /// Tensors that something is remembered of; 0 where nothing is.
    public var tensorCount: Int { tensorMeans.count }

    public init() {}
  }

  /// What a rule makes of a step.
  public struct Effect: Sendable, Equatable {
    /// One factor for all tensors, or one for each.
    public enum Factors: Sendable, Equatable {
      case uniform(Double)
      case perTensor([Double])
    }

    public var factors: Factors
    /// The limit that the norm was held against, if there is one for the whole gradient.
    public var threshold: Double?
  }

  public init(rule: ClipRule, tensorSizes: [Int]) {
    self.rule = rule
    sizes = tensorSizes
  }

  /// Decides from a ledger whose norms are finite, and remembers them.
  public mutating func judge(_ ledger: NormLedger) -> Effect {
    judge(norm: ledger.norm(rule.order), tensorNorms: (0..<ledger.tensorCount).map { ledger.norm(ofTensor: $0) })
  }

  /// Decides from finite norms, the gradient's in the rule's order and each tensor's, and remembers them.
  public mutating func judge(norm: Double, tensorNorms: @autoclosure () -> [Double]) -> Effect {
    func limited(to limit: Double?) -> Effect {
      Effect(factors: .uniform(limit.map { ClipRule.coefficient(norm: norm, limit: $0) } ?? 1), threshold: limit)
    }
    switch rule {
    case .none, .agc: return limited(to: nil)
    case .value(let limit): return Effect(factors: .uniform(1), threshold: limit)
    case .global(let maxNorm, _): return limited(to: maxNorm)
    case .normalize(let target): return Effect(factors: .uniform(target / (norm + 1e-6)), threshold: target)
    case .perLayer(let maxNorm, let budget):
      let total = Double(sizes.reduce(0, +))
      let norms = tensorNorms()
      let factors = norms.indices.map { tensor in
        let share = budget == .uniform ? 1 / Double(sizes.count) : Double(sizes[tensor]) / total
        return ClipRule.coefficient(norm: norms[tensor], limit: maxNorm * share.squareRoot())
      }
      return Effect(factors: .perTensor(factors), threshold: maxNorm)
    case .percentile(let percent, let window):
      if norm > 0 { memory.norms.append(norm) }
      if memory.norms.count > window { memory.norms.removeFirst(memory.norms.count - window) }
      return limited(to: memory.norms.isEmpty ? nil : Self.percentile(percent, of: memory.norms))
    case .zscore(let settings): return limited(to: judgeByScore(norm, settings))
    case .ema(let ratio, let decay):
      let norms = tensorNorms()
      if memory.tensorMeans.isEmpty { memory.tensorMeans = norms }
      // A mean of zero has seen no gradient yet.
      for tensor in norms.indices where memory.tensorMeans[tensor] == 0 { memory.tensorMeans[tensor] = norms[tensor] }
      let factors = norms.indices.map {
        memory.tensorMeans[$0] > 0 ? ClipRule.coefficient(norm: norms[$0], limit: ratio * memory.tensorMeans[$0]) : 1
      }
      for tensor in norms.indices where norms[tensor] > 0 {
        memory.tensorMeans[tensor] = decay * memory.tensorMeans[tensor] + (1 - decay) * factors[tensor] * norms[tensor]
      }
      return Effect(factors: .perTensor(factors), threshold: nil)
    }
  }

  /// ZClip's limit: the mean and population variance of the first norms, then their running means, fed with the clipped norm.
  private mutating func judgeByScore(_ norm: Double, _ settings: ClipRule.ZScore) -> Double? {
    if norm == 0 { return settings.maxNorm }
    if memory.norms.count < settings.warmup {
      memory.norms.append(norm)
      if memory.norms.count == settings.warmup {
        let count = Double(settings.warmup)
        memory.mean = memory.norms.reduce(0, +) / count
        let mean = memory.mean
        memory.variance = memory.norms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      }
      return settings.maxNorm
    }
    let deviation = memory.variance.squareRoot()
    let score = (norm - memory.mean) / (deviation + 1e-6)
    let adaptive = score > settings.threshold ? memory.mean + settings.threshold * deviation * (settings.threshold / score) : nil
    let admitted = adaptive ?? norm
    memory.mean = settings.memory * memory.mean + (1 - settings.memory) * admitted
    let difference = admitted - memory.mean
    memory.variance = settings.memory * memory.variance + (1 - settings.memory) * difference * difference
    switch (adaptive, settings.maxNorm) {
    case (let limit?, let largest?): return min(limit, largest)
    case (let limit, let largest): return limit ?? largest
    }
  }

  /// A percentile with linear interpolation, numpy's default.
  static func percentile(_ percent: Double, of values: [Double]) -> Double {
    let sorted = values.sorted()
    let position = percent / 100 * Double(sorted.count - 1)
    let below = Int(position)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
  }
}
