import Glibc

/// A factor on the schedule's learning rate that follows the gradient's norms.
public enum RateRule: Sendable, Equatable {
  case none
  /// The gain of a batch S times the base batch, r = (σ² + μ²)/(σ²/S + μ²) between 1 and S, to a power: 1 for SGD, ½ for Adam (Johnson et
  /// al. 2020, AdaScale, arXiv 2007.05105; σ² = trΣ/base, μ² = |G|²).
  case adascale(baseBatch: Int, power: Double)
  /// The rate falls by `factor` whenever the running mean of the norm has not fallen by the fraction `threshold` for more than `patience` steps.
  case plateau(factor: Double, patience: Int, threshold: Double)
  /// The rate rises linearly over at most `steps`, and is whole as soon as the norm has settled: when its running means of 10 and of 50 steps
  /// have been within `tolerance` of each other for 20 steps.
  case warmup(steps: Int, tolerance: Double)
}

/// A rate rule and what it remembers. Fed only with reduced values of steps that were taken; kept in checkpoints.
public struct RateControl: Sendable, Equatable {
  public let rule: RateRule
  public var memory = Memory()

  public struct Memory: Sendable, Equatable, Codable {
    /// The factor in force.
    public fileprivate(set) var factor = 1.0
    /// AdaScale's scale-invariant steps: the sum of the gains.
    public fileprivate(set) var progress = 0.0
    fileprivate var steps = 0
    fileprivate var fast = RunningMean(memory: 0.9)
    fileprivate var slow = RunningMean(memory: 0.98)
    fileprivate var best: Double?
    fileprivate var waited = 0
    fileprivate var isSettled = false

    public init() {}
  }

  public init(rule: RateRule) { self.rule = rule }

  /// The factor in force, which a skipped step leaves as it is: the last taken step's.
  public var inForce: Double {
    if case .warmup(let steps, _) = rule, memory.steps == 0 { return 1 / Double(steps) }
    return memory.factor
  }

  /// The factor for the step whose ledger this is, the noise scale having taken it in already.
  public mutating func factor(_ ledger: NormLedger, _ noise: NoiseScale) -> Double {
    memory.steps += 1
    memory.fast.record(ledger.norm)
    memory.slow.record(ledger.norm)
    switch rule {
    case .none: break
    case .adascale(let baseBatch, let power):
      let gain = Self.gain(noise, baseBatch: baseBatch, batch: ledger.samples)
      memory.progress += gain
      memory.factor = power == 1 ? gain : power == 0.5 ? gain.squareRoot() : pow(gain, power)
    case .plateau(let factor, let patience, let threshold):
      let mean = memory.slow.value
      // No norm falls below a mean of 0, which is that of gradients that were all 0: there is no best yet.
      if mean == 0 { break }
      if mean < (memory.best ?? .infinity) * (1 - threshold) {
        memory.best = mean
        memory.waited = 0
      } else {
        memory.waited += 1
        if memory.waited > patience {
          memory.factor *= factor
          memory.waited = 0
          memory.best = mean
        }
      }
    case .warmup(let steps, let tolerance):
      // Two means of 0 are those of gradients that were all 0, not of a norm that has settled.
      let near = memory.slow.value > 0 && abs(memory.fast.value - memory.slow.value) <= tolerance * memory.slow.value
      memory.waited = near ? memory.waited + 1 : 0
      if memory.waited >= 20 && memory.steps > 20 { memory.isSettled = true }
      memory.factor = memory.isSettled ? 1 : min(1, Double(memory.steps) / Double(steps))
    }
    return memory.factor
  }

  /// AdaScale's gain; 1 where the noise is not resolved. A batch below the base batch, an epoch's last, has one between S and 1.
  static func gain(_ noise: NoiseScale, baseBatch: Int, batch: Double) -> Double {
    guard let signal = noise.signal, let variance = noise.variance, variance > 0 else { return 1 }
    let (sigma, mu) = (variance / Double(baseBatch), max(signal, 0))
    let scale = batch / Double(baseBatch)
    return (sigma + mu) / (sigma / scale + mu)
  }
}

/// An exponential mean, corrected for its start at zero.
struct RunningMean: Sendable, Equatable, Codable {
  let memory: Double
  private var sum = 0.0
  private var seen = 0.0

  init(memory: Double) { self.memory = memory }

  mutating func record(_ value: Double) {
    sum = memory * sum + (1 - memory) * value
    seen = memory * seen + (1 - memory)
  }

  var value: Double { seen > 0 ? sum / seen : 0 }
}
