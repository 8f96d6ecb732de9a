import Recording

/// What rank 0 reports to the coordinator: one line of JSON on standard output each, when the
/// worker runs with `--events`.
public enum WorkerEvent: Sendable, Equatable {
  case started(Started)
  case progress(Progress)
  case message(level: Level, text: String)
  /// Scores on the training rows that are held out, while training.
  case heldOut(EvaluationRecord)
  /// Scores on the test set, at the end.
  case evaluation(loss: Double?, score: NamedNumber?)
  case report(ConvergenceReport)
  /// Ranks wait for one that does not come.
  case stall(Stall)

  /// The longest line an event may be, in bytes.
  public static let lineLimit = LineSplitter.usualLimit

  public enum Level: String, Sendable, Decodable {
    case note, warning, error
  }

  /// A stall of the job, which its watcher found.
  public struct Stall: Sendable, Equatable, Decodable {
    public enum State: String, Sendable, Decodable {
      case began
      /// The ranks go on.
      case ended
      /// The job is being ended for it.
      case fatal
    }

    public var state: State
    public var text: String

    public init(state: State, text: String) { (self.state, self.text) = (state, text) }
  }

  /// What is about to be trained, sent once before the first step.
  public struct Started: Sendable, Equatable, Decodable {
    public var ranks: Int
    public var hosts: [String]
    public var steps: Int
    public var parameters: Int
    /// Samples in the training data.
    public var samples: Int
    public var experiment: String
    public var directory: String
    public var notes: [String]
    /// Of each rank; nil where a worker does not say.
    public var threads: Int?
    /// The metrics of progress events besides their own; written only where there are any.
    public var metrics: [MetricDeclaration]?

    public init(
      ranks: Int, hosts: [String], steps: Int, parameters: Int, samples: Int, experiment: String,
      directory: String, notes: [String] = [], threads: Int? = nil,
      metrics: [MetricDeclaration]? = nil
    ) {
      self.ranks = ranks
      self.hosts = hosts
      self.steps = steps
      self.parameters = parameters
      self.samples = samples
      self.experiment = experiment
      self.directory = directory
      self.notes = notes
      self.threads = threads
      self.metrics = metrics
    }
  }

  /// Where training is.
  public struct Progress: Sendable, Equatable, Decodable {
    public var step: Int
    public var steps: Int
    public var epoch: Double
    public var loss: Double?
    public var norm: Double?
    public var clippedFraction: Double
    public var samplesPerSecond: Double?
    public var secondsLeft: Double?
    public var skipped: Int
    /// Of the step: what its gradient was multiplied by, the learning rate, and the noise scale so
    /// far. Written where known.
    public var coefficient: Double?
    public var learningRate: Double?
    public var noiseScale: Double?
    /// Of the last evaluation of the rows held out. Written where there was one.
    public var heldOutLoss: Double?
    /// Further metrics by name, of the last step that was recorded: those that are resolved.
    /// Written only where there are any.
    public var metrics: [String: Double]?

    private enum CodingKeys: String, CodingKey {
      case step, steps, epoch, loss, norm, skipped, coefficient, metrics
      case learningRate = "learning_rate"
      case noiseScale = "noise_scale"
      case heldOutLoss = "held_out_loss"
      case clippedFraction = "clipped_fraction"
      case samplesPerSecond = "samples_per_second"
      case secondsLeft = "seconds_left"
    }

    public init(
      step: Int, steps: Int, epoch: Double, loss: Double?, norm: Double?, clippedFraction: Double,
      samplesPerSecond: Double?,
      secondsLeft: Double?, skipped: Int, coefficient: Double? = nil, learningRate: Double? = nil,
      noiseScale: Double? = nil, heldOutLoss: Double? = nil, metrics: [String: Double]? = nil
    ) {
      self.step = step
      self.steps = steps
      self.epoch = epoch
      self.loss = loss
      self.norm = norm
      self.clippedFraction = clippedFraction
      self.samplesPerSecond = samplesPerSecond
      self.secondsLeft = secondsLeft
      self.skipped = skipped
      self.coefficient = coefficient
      self.learningRate = learningRate
      self.noiseScale = noiseScale
      self.heldOutLoss = heldOutLoss
      self.metrics = metrics
    }
  }
}
