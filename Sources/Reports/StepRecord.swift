/// One line of `metrics.jsonl`: what one training step measured and decided.
///
/// `nil` stands for a quantity that the step could not resolve and is written as `null`, never omitted and never guessed.
public struct StepRecord: Sendable, Equatable, Decodable {
  /// Steps count from 1.
  public var step: Int
  /// Samples seen so far over samples in the data set.
  public var epoch: Double
  /// Samples seen so far, over all ranks.
  public var samples: Int
  /// Mean loss over the step's global batch.
  public var loss: Double?
  public var learningRate: Double
  public var norm: Norm
  public var noise: Noise
  public var action: Action
  /// Why the step was skipped; written only when present.
  public var reason: String?
  /// ‖w after − w before‖.
  public var updateNorm: Double?
  /// ‖w‖ before the update.
  public var weightNorm: Double?
  public var seconds: Seconds

  public init(
    step: Int, epoch: Double, samples: Int, loss: Double?, learningRate: Double, norm: Norm, noise: Noise, action: Action,
    reason: String? = nil, updateNorm: Double?, weightNorm: Double?, seconds: Seconds
  ) {
    self.step = step
    self.epoch = epoch
    self.samples = samples
    self.loss = loss
    self.learningRate = learningRate
    self.norm = norm
    self.noise = noise
    self.action = action
    self.reason = reason
    self.updateNorm = updateNorm
    self.weightNorm = weightNorm
    self.seconds = seconds
  }

  private enum CodingKeys: String, CodingKey {
    case step, epoch, samples, loss, norm, noise, action, reason, seconds
    case learningRate = "learning_rate"
    case updateNorm = "update_norm"
    case weightNorm = "weight_norm"
  }

  /// What the step did with its gradient.
  public enum Action: String, Sendable, Decodable, CaseIterable {
    case step, clip, skip
  }

  /// The gradient's norms: the sample-weighted mean gradient before clipping (`global`) and after (`applied`), and the ranks' own.
  public struct Norm: Sendable, Equatable {
    public var global: Double?
    public var applied: Double?
    public var coefficient: Double?
    public var threshold: Double?
    /// √(Σ wᵢ‖gᵢ‖²) over the ranks' local gradients: never below `global`.
    public var localRMS: Double?
    public var maxLocal: MaxLocal
    /// Norms by tensor, in the model's order.
    public var layers: [NamedNumber]

    public init(
      global: Double?, applied: Double?, coefficient: Double?, threshold: Double?, localRMS: Double?, maxLocal: MaxLocal,
      layers: [NamedNumber]
    ) {
      self.global = global
      self.applied = applied
      self.coefficient = coefficient
      self.threshold = threshold
      self.localRMS = localRMS
      self.maxLocal = maxLocal
      self.layers = layers
    }
  }

  /// The largest local norm and the rank it belongs to.
  public struct MaxLocal: Sendable, Equatable, Decodable {
    public var value: Double?
    public var rank: Int?

    public init(value: Double?, rank: Int?) {
      self.value = value
      self.rank = rank
    }
  }

  /// McCandlish's gradient noise: ‖G‖², the trace of the per-sample covariance, and their ratio, a batch size.
  public struct Noise: Sendable, Equatable, Decodable {
    public var signal: Double?
    public var variance: Double?
    public var scale: Double?

    public init(signal: Double?, variance: Double?, scale: Double?) {
      self.signal = signal
      self.variance = variance
      self.scale = scale
    }
  }

  /// Where the slowest rank's step went.
  public struct Seconds: Sendable, Equatable, Decodable {
    public var total: Double
    public var data: Double
    public var compute: Double
    public var reduce: Double
    public var norm: Double
    public var optimizer: Double

    public init(total: Double, data: Double, compute: Double, reduce: Double, norm: Double, optimizer: Double) {
      self.total = total
      self.data = data
      self.compute = compute
      self.reduce = reduce
      self.norm = norm
      self.optimizer = optimizer
    }
  }
}
