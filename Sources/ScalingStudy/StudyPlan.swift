import Recording

/// What a scaling study is to run: kept in its directory, so that it goes on with the same plan or
/// not at all.
public struct StudyPlan: Sendable, Equatable, Decodable, JSONWritable {
  public enum Mode: String, Sendable, CaseIterable, Decodable {
    /// The same global batch at every rank count.
    case strong
    /// The same batch a rank.
    case weak
  }

  public var mode: Mode
  public var ranks: [Int]
  /// Of each rank; nil for 1, or where ``cores`` says how many.
  public var threads: Int?
  /// The cores that every number of ranks has together, each rank with an equal part for its threads;
  /// nil where a rank has the same number of threads everywhere.
  public var cores: Int?
  public var repeats: Int
  public var steps: Int?
  public var warmUp: Int
  public var targetLoss: Double?
  public var rate: RateScaling
  public var seed: Int
  /// The experiment with its overrides and all defaults, as text.
  public var experiment: String
  /// The simulated cluster, as it was asked for.
  public var simulation: String?

  /// How the learning rate follows a batch that grows.
  public enum RateScaling: String, Sendable, CaseIterable, Decodable {
    case constant, linear
    case squareRoot = "square-root"

    public func factor(batches: Double) -> Double {
      switch self {
      case .constant: 1
      case .linear: batches
      case .squareRoot: batches.squareRoot()
      }
    }
  }

  public init(
    mode: Mode, ranks: [Int], threads: Int? = nil, cores: Int? = nil, repeats: Int, steps: Int?,
    warmUp: Int, targetLoss: Double?,
    rate: RateScaling, seed: Int, experiment: String,
    simulation: String?
  ) {
    (self.mode, self.ranks, self.repeats, self.steps, self.warmUp) = (
      mode, ranks, repeats, steps, warmUp
    )
    (self.threads, self.cores) = (threads, cores)
    (self.targetLoss, self.rate, self.seed, self.experiment, self.simulation) = (
      targetLoss, rate, seed, experiment, simulation
    )
  }

  private enum CodingKeys: String, CodingKey {
    case mode, ranks, threads, cores, repeats, steps, rate, seed, experiment, simulation
    case warmUp = "warm_up"
    case targetLoss = "target_loss"
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("mode", mode.rawValue)
      $0.key("ranks")
      $0.array(ranks) { $0.value($1) }
      if let threads { $0.field("threads", threads) }
      if let cores { $0.field("cores", cores) }
      $0.field("repeats", repeats)
      $0.field("steps", steps)
      $0.field("warm_up", warmUp)
      $0.field("target_loss", targetLoss)
      $0.field("rate", rate.rawValue)
      $0.field("seed", seed)
      $0.field("experiment", experiment)
      $0.field("simulation", simulation)
    }
  }

  /// The threads of each of so many ranks.
  public func threads(ofRanks ranks: Int) -> Int {
    cores.map { max(1, $0 / max(1, ranks)) } ?? threads ?? 1
  }

  /// What must be equal for points of two plans to stand in one study. More rank counts and repeats
  /// may follow.
  public func measuresTheSame(as other: StudyPlan) -> Bool {
    var mine = self
    (mine.ranks, mine.repeats) = (other.ranks, other.repeats)
    return mine == other
  }
}
