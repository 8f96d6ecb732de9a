import GradientNorms
import Recording

/// `report.json`: how a run went, with the reasons for its verdict.
public struct ConvergenceReport: Sendable, Equatable, Decodable {
  public var verdict: Verdict
  /// Sentences with numbers.
  public var reasons: [String]
  public var steps: Int
  public var epochs: Double
  public var samples: Int
  public var final: Final
  public var norm: Norm
  /// What clipping in an inexact scope did to the gradient; nil where the clip is exact.
  public var clipBias: ClipBias?
  /// How much of the run was spikes; nil in reports of older versions.
  public var spikeScore: SpikeScore?
  /// The batch size at which noise and signal are equal.
  public var noiseScale: Double?
  public var throughput: Throughput
  /// Fractions of the step, adding up to 1.
  public var timeShare: PhaseTimes
  public var ranks: [Rank]
  /// How often the coordinator started the workers again.
  public var restarts: Int
  /// The steps after which training went on from a checkpoint.
  public var resumedAt: [Int]?
  /// The keys that resumed starts changed; nil where none did.
  public var changes: [KeyChange]?
  /// SHA-256 of the weights, when all ranks hold the same.
  public var weightsSHA256: String?
  /// The cluster that was played, in words; nil where times are real.
  public var simulation: String?
  /// What rows held out of the training set said while training; nil where there were none.
  public var heldOut: HeldOut?
  /// The first skipped steps, at most `namedSkips` of them.
  public var skips: [Skip]

  /// How many skipped steps a report names.
  public static let namedSkips = RunSeries.namedReasons

  public init(
    verdict: Verdict, reasons: [String], steps: Int, epochs: Double, samples: Int, final: Final,
    norm: Norm, noiseScale: Double?,
    throughput: Throughput, timeShare: PhaseTimes, ranks: [Rank], restarts: Int,
    weightsSHA256: String?, skips: [Skip] = [],
    clipBias: ClipBias? = nil, spikeScore: SpikeScore? = nil, resumedAt: [Int]? = nil,
    changes: [KeyChange]? = nil,
    simulation: String? = nil, heldOut: HeldOut? = nil
  ) {
    self.changes = changes
    self.verdict = verdict
    self.reasons = reasons
    self.steps = steps
    self.epochs = epochs
    self.samples = samples
    self.final = final
    self.norm = norm
    self.noiseScale = noiseScale
    self.throughput = throughput
    self.timeShare = timeShare
    self.ranks = ranks
    self.restarts = restarts
    self.resumedAt = resumedAt
    self.weightsSHA256 = weightsSHA256
    self.clipBias = clipBias
    self.spikeScore = spikeScore
    self.simulation = simulation
    self.heldOut = heldOut
    self.skips = Array(skips.prefix(Self.namedSkips))
  }

  private enum CodingKeys: String, CodingKey {
    case verdict, reasons, steps, epochs, samples, final, norm, throughput, ranks, restarts, skips,
      simulation, changes
    case clipBias = "clip_bias"
    case spikeScore = "spike_score"
    case noiseScale = "noise_scale"
    case resumedAt = "resumed_at"
    case heldOut = "held_out"
    case timeShare = "time_share"
    case weightsSHA256 = "weights_sha256"
  }

  /// How training went, judged by the ledger's evidence.
  public typealias Verdict = ConvergenceVerdict.Kind

  /// What the weights at the run's end score on held-out data, and the last step's gradient norm
  /// over all ranks. Loss and score are nil where the run was stopped: nothing was evaluated.
  public struct Final: Sendable, Equatable {
    public var loss: Double?
    public var accuracy: Double?
    /// Other measures of the evaluation, by name.
    public var others: [NamedNumber]
    /// What the running mean of the weights scores on the same data; nil where there is none.
    public var average: Scores?
    public var gradNorm: Double?

    public init(
      loss: Double?, accuracy: Double?, others: [NamedNumber] = [], average: Scores? = nil,
      gradNorm: Double?
    ) {
      self.average = average
      self.loss = loss
      self.accuracy = accuracy
      self.others = others
      self.gradNorm = gradNorm
    }

    /// With the one score that a model has, by its name.
    public init(loss: Double?, score: NamedNumber?, average: Scores? = nil, gradNorm: Double?) {
      let isAccuracy = score?.name == "accuracy"
      self.init(
        loss: loss, accuracy: isAccuracy ? score?.value : nil,
        others: isAccuracy ? [] : score.map { [$0] } ?? [], average: average, gradNorm: gradNorm)
    }

    /// The accuracy, or the first other measure.
    public var score: NamedNumber? { accuracy.map { NamedNumber("accuracy", $0) } ?? others.first }
  }

  /// Evaluations of rows held out of the training set.
  public struct HeldOut: Sendable, Equatable, Decodable {
    /// How many rows are held out.
    public var rows: Int
    /// How often they were evaluated.
    public var evaluations: Int
    /// The lowest loss, and the last.
    public var best: Point?
    public var last: Point?
    /// The step of the weights in `best.safetensors`; nil where there is no such file.
    public var bestFile: Int?

    /// A loss and the step after which it was found; nil where it was not finite.
    public struct Point: Sendable, Equatable, Decodable {
      public var step: Int
      public var loss: Double?

      public init(step: Int, loss: Double?) { (self.step, self.loss) = (step, loss) }
    }

    private enum CodingKeys: String, CodingKey {
      case rows, evaluations, best, last
      case bestFile = "best_safetensors"
    }

    public init(rows: Int, evaluations: Int, best: Point?, last: Point?, bestFile: Int? = nil) {
      (self.rows, self.evaluations) = (rows, evaluations)
      (self.best, self.last, self.bestFile) = (best, last, bestFile)
    }
  }

  /// The mean gradient's norm over the run.
  public struct Norm: Sendable, Equatable, Decodable {
    public var first: Double?
    public var last: Double?
    public var max: Double?
    public var clippedFraction: Double
    /// The share of steps in which √L alone proved that the clip would not act; nil for rules that
    /// it says nothing of.
    public var certifiedFraction: Double?
    public var skipped: Int

    private enum CodingKeys: String, CodingKey {
      case first, last, max, skipped
      case clippedFraction = "clipped_fraction"
      case certifiedFraction = "certified_fraction"
    }

    public init(
      first: Double?, last: Double?, max: Double?, clippedFraction: Double,
      certifiedFraction: Double? = nil, skipped: Int
    ) {
      self.first = first
      self.last = last
      self.max = max
      self.clippedFraction = clippedFraction
      self.certifiedFraction = certifiedFraction
      self.skipped = skipped
    }
  }

  /// How far the applied gradient was from the mean gradient clipped by its own norm, in the mean
  /// over the steps where both were measured.
  public struct ClipBias: Sendable, Equatable, Decodable {
    /// Where the clip acted: `worker` or `bound`.
    public var scope: String
    /// ‖applied − exact‖ / ‖exact‖
    public var relative: Double
    public var cosine: Double
    public var measuredSteps: Int

    private enum CodingKeys: String, CodingKey {
      case scope, relative, cosine
      case measuredSteps = "measured_steps"
    }

    public init(scope: String, relative: Double, cosine: Double, measuredSteps: Int) {
      self.scope = scope
      self.relative = relative
      self.cosine = cosine
      self.measuredSteps = measuredSteps
    }
  }

  /// The shares of steps whose loss or norm was at least so many standard deviations from the mean
  /// of the window before it (OLMo 2, arXiv 2501.00656); nil where no step could be compared.
  public struct SpikeScore: Sendable, Equatable, Decodable {
    public var loss: Double?
    public var norm: Double?
    /// Steps.
    public var window: Int
    public var deviations: Double

    public init(loss: Double?, norm: Double?, window: Int, deviations: Double) {
      (self.loss, self.norm) = (loss, norm)
      (self.window, self.deviations) = (window, deviations)
    }
  }

  /// Samples a second over all ranks, and the slowest rank's step in milliseconds.
  public struct Throughput: Sendable, Equatable, Decodable {
    public var samplesPerSecond: Double?
    public var stepMsMedian: Double?
    public var stepMsP95: Double?

    private enum CodingKeys: String, CodingKey {
      case samplesPerSecond = "samples_per_second"
      case stepMsMedian = "step_ms_median"
      case stepMsP95 = "step_ms_p95"
    }

    public init(samplesPerSecond: Double?, stepMsMedian: Double?, stepMsP95: Double?) {
      self.samplesPerSecond = samplesPerSecond
      self.stepMsMedian = stepMsMedian
      self.stepMsP95 = stepMsP95
    }
  }

  /// One rank's part in the run.
  public struct Rank: Sendable, Equatable, Decodable {
    public var rank: Int
    public var host: String
    /// In the whole run, also before it was resumed.
    public var samples: Int
    /// Of this rank's share of the last step it had one in.
    public var finalLoss: Double?
    public var meanLocalNorm: Double?
    /// Seconds this rank spent waiting for slower ones.
    public var secondsWaiting: Double
    public var weightsSHA256: String?

    private enum CodingKeys: String, CodingKey {
      case rank, host, samples
      case finalLoss = "final_loss"
      case meanLocalNorm = "mean_local_norm"
      case secondsWaiting = "seconds_waiting"
      case weightsSHA256 = "weights_sha256"
    }

    public init(
      rank: Int, host: String, samples: Int, finalLoss: Double?, meanLocalNorm: Double?,
      secondsWaiting: Double, weightsSHA256: String?
    ) {
      self.rank = rank
      self.host = host
      self.samples = samples
      self.finalLoss = finalLoss
      self.meanLocalNorm = meanLocalNorm
      self.secondsWaiting = secondsWaiting
      self.weightsSHA256 = weightsSHA256
    }
  }

  /// A skipped step. `text` says why, and of a gradient that was not finite on which rank and in
  /// which tensor.
  public struct Skip: Sendable, Equatable, Decodable {
    public var step: Int
    public var rank: Int?
    public var host: String?
    public var tensor: String?
    public var text: String

    public init(step: Int, rank: Int?, host: String?, tensor: String?, text: String) {
      self.step = step
      self.rank = rank
      self.host = host
      self.tensor = tensor
      self.text = text
    }
  }
}
