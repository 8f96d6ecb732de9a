/// One line of `metrics.jsonl`: what one training step measured and decided.
///
/// `nil` stands for a quantity that the step could not resolve and is written as `null`, never
/// omitted and never guessed.
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
  /// The penalty on the weights that belongs to the loss, which `loss` leaves out; written only
  /// where there is one.
  public var penalty: Double?
  /// ‖w after − w before‖.
  public var updateNorm: Double?
  /// ‖w‖ before the update.
  public var weightNorm: Double?
  /// ‖w after − w before‖ / ‖w before‖
  public var updateRatio: Double? {
    guard let updateNorm, let weightNorm, weightNorm > 0 else { return nil }
    return updateNorm / weightNorm
  }
  public var seconds: Seconds
  /// Values of the metrics that are no properties here, by their names.
  public var metrics: [NamedNumber] = []

  public init(
    step: Int, epoch: Double, samples: Int, loss: Double?, learningRate: Double, norm: Norm,
    noise: Noise, action: Action,
    reason: String? = nil, penalty: Double? = nil, updateNorm: Double?, weightNorm: Double?,
    seconds: Seconds
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
    self.penalty = penalty
    self.updateNorm = updateNorm
    self.weightNorm = weightNorm
    self.seconds = seconds
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case step, epoch, samples, loss, norm, noise, action, reason, penalty, seconds
    case learningRate = "learning_rate"
    case updateNorm = "update_norm"
    case weightNorm = "weight_norm"
  }

  /// The fields of a line that are no metrics of `metrics`.
  static let fieldNames = Set(CodingKeys.allCases.map(\.rawValue) + ["update_ratio"])

  /// What the step did with its gradient.
  public enum Action: String, Sendable, Decodable, CaseIterable {
    case step, clip, skip
  }

  /// The gradient's norms: the sample-weighted mean gradient before clipping (`global`) and after
  /// (`applied`), and the ranks' own.
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
    /// ‖g‖/√P
    public var rms: Double?
    /// Whether `local_rms` alone proved that nothing would be clipped.
    public var certified: Bool
    /// Norms of the groups of tensors that the experiment names by prefix.
    public var groups: [NamedNumber]
    /// Norms of other orders, by their names: 1, 3, inf.
    public var orders: [Order]
    /// The rank whose local norm stands out most, and its square over what its number of samples
    /// leads one to expect.
    public var outlier: Outlier
    /// Groups of tensors that were clipped by a norm of their own, by their names.
    public var own: [Own] = []
    /// The norms of single samples' gradients; nil where these are not measured.
    public var samples: Samples?
    /// The share of samples whose gradients were shortened; nil where they are not clipped one by one.
    public var clippedSamples: Double?
    /// What became of the update, where the clip rule limits that; `global`, `applied`,
    /// `coefficient` and `threshold` are then of a gradient that is not clipped.
    public var update: Update?

    public init(
      global: Double?, applied: Double?, coefficient: Double?, threshold: Double?,
      localRMS: Double?, maxLocal: MaxLocal,
      layers: [NamedNumber], rms: Double? = nil, certified: Bool = false,
      groups: [NamedNumber] = [], orders: [Order] = [],
      outlier: Outlier = Outlier(ratio: nil, rank: nil)
    ) {
      self.global = global
      self.applied = applied
      self.coefficient = coefficient
      self.threshold = threshold
      self.localRMS = localRMS
      self.maxLocal = maxLocal
      self.layers = layers
      self.rms = rms
      self.certified = certified
      self.groups = groups
      self.orders = orders
      self.outlier = outlier
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

  /// The gradient's norm of one order, whole and by tensor.
  public struct Order: Sendable, Equatable {
    public var name: String
    public var global: Double?
    public var layers: [NamedNumber]

    public init(name: String, global: Double?, layers: [NamedNumber]) {
      self.name = name
      self.global = global
      self.layers = layers
    }
  }

  /// The norm of a group of tensors, in the clip rule's order, and how it was clipped by that.
  public struct Own: Sendable, Equatable {
    public var name: String
    public var norm: Double?
    public var coefficient: Double?
    public var threshold: Double?

    public init(name: String, norm: Double?, coefficient: Double?, threshold: Double?) {
      (self.name, self.norm) = (name, norm)
      (self.coefficient, self.threshold) = (coefficient, threshold)
    }
  }

  /// The norm of the update in units of the learning rate, before clipping and after.
  public struct Update: Sendable, Equatable {
    public var norm: Double?
    public var applied: Double?
    public var coefficient: Double?
    public var threshold: Double?
    /// Norms by tensor before clipping, in the model's order.
    public var layers: [NamedNumber]

    public init(
      norm: Double?, applied: Double?, coefficient: Double?, threshold: Double?,
      layers: [NamedNumber] = []
    ) {
      (self.norm, self.applied) = (norm, applied)
      (self.coefficient, self.threshold, self.layers) = (coefficient, threshold, layers)
    }
  }

  /// How far a rank's squared local norm is above |G|² + trΣ/bᵢ, the expectation for its number of
  /// samples.
  public struct Outlier: Sendable, Equatable, Decodable {
    public var ratio: Double?
    public var rank: Int?

    public init(ratio: Double?, rank: Int?) {
      self.ratio = ratio
      self.rank = rank
    }
  }

  /// McCandlish's gradient noise: ‖G‖², the trace of the per-sample covariance, and their ratio, a
  /// batch size.
  public struct Noise: Sendable, Equatable {
    public var signal: Double?
    public var variance: Double?
    public var scale: Double?
    /// L/T of this step: 1 where all parts of the batch have the same gradient, their number where
    /// they have nothing in common.
    public var diversity: Double?
    /// T/L of this step, between 0 and 1.
    public var agreement: Double?
    /// The first three of each tensor, in the model's order; empty where that is not recorded.
    public var layers: [LayerNoise] = []

    public init(
      signal: Double?, variance: Double?, scale: Double?, diversity: Double? = nil,
      agreement: Double? = nil, layers: [LayerNoise] = []
    ) {
      self.signal = signal
      self.variance = variance
      self.scale = scale
      self.diversity = diversity
      self.agreement = agreement
      self.layers = layers
    }
  }

  /// Where rank 0's step went.
  public struct Seconds: Sendable, Equatable {
    public var total: Double
    public var phases: PhaseTimes

    public init(total: Double, phases: PhaseTimes) {
      self.total = total
      self.phases = phases
    }

    public init(
      total: Double, data: Double, compute: Double, reduce: Double, norm: Double, optimizer: Double
    ) {
      self.init(
        total: total,
        phases: PhaseTimes(
          data: data, compute: compute, reduce: reduce, norm: norm, optimizer: optimizer))
    }
  }
}
