import Recording
import Reports
import Scaling

/// A finished scaling study: what was measured, what was fitted to it, and what that predicts.
public struct Study: Sendable {
  public let name: String
  public let plan: StudyPlan
  public let microBatch: Int
  public let counts: [RankCount]
  /// What is not bent by ranks that take turns.
  public var sound: [RankCount] { counts.filter { !$0.isOversubscribed } }
  /// The laws for a study of this mode: Amdahl's where the batch stays, Gustafson's where it grows
  /// with the ranks, the universal one for both.
  public let laws: [FittedLaw]
  /// Fitted to the exchange alone, where it was timed at several ranks.
  public let exchange: ExchangeModel?
  public let steps: StepModel?
  public let heldOut: [TrainTestSplit]
  /// What speaks for the model of a step, and so for the predictions.
  public let evidence: Evidence
  public let cluster: Cluster
  /// Empty where nothing supports any.
  public let predictions: [Prediction]
  public let efficiency: StatisticalEfficiency?

  /// Where predictions are for.
  public struct Cluster: Sendable, Equatable {
    public var ranksPerHost: Int
    /// Seconds, and bytes a second.
    public var latency: Double
    public var bandwidth: Double
    /// What of this was not given, and assumed.
    public var assumptions: [String]

    public init(ranksPerHost: Int, latency: Double, bandwidth: Double, assumptions: [String]) {
      (self.ranksPerHost, self.latency, self.bandwidth, self.assumptions) = (
        ranksPerHost, latency, bandwidth, assumptions
      )
    }
  }

  /// A measured rank count beside what the model says of it, fitted without it.
  public struct TrainTestSplit: Sendable, Equatable {
    public var ranks: Int
    public var measured: Double
    /// Nil where the other rank counts do not suffice: one rank says nothing about an exchange.
    public var predicted: Double?
  }

  public struct Prediction: Sendable, Equatable {
    public var ranks: Int
    public var hosts: Int
    public var globalBatch: Int
    /// Seconds a step, by an exchange over all ranks alike and by one within hosts first; nil where
    /// ranks do not fill hosts evenly.
    public var flat: Double
    public var hierarchical: Double?
    public var best: Double { min(flat, hierarchical ?? flat) }
    /// What of the best step is the exchange.
    public var exchangeShare: Double
    /// Over one rank of the model, at the best exchange.
    public var speedUp: Double
    public var efficiency: Double
  }

  /// Fits everything to what was measured. `microBatch` is the experiment's; `ranks` are to be
  /// predicted.
  public init(
    name: String, plan: StudyPlan, microBatch: Int, counts: [RankCount], predicting ranks: [Int],
    on cluster: Cluster
  ) {
    (self.name, self.plan, self.microBatch, self.cluster) = (name, plan, microBatch, cluster)
    let counts = counts.sorted { $0.ranks < $1.ranks }
    self.counts = counts
    let sound = counts.filter { !$0.isOversubscribed }
    guard plan.cores == nil else {
      // Laws and models are of cores that grow with the ranks.
      (laws, exchange, steps, heldOut, predictions) = ([], nil, nil, [], [])
      evidence = Evidence(
        points: sound.reduce(0) { $0 + $1.runs.count }, rankCounts: sound.count,
        missing: "every number of ranks has the same cores")
      efficiency = plan.targetLoss.flatMap { StatisticalEfficiency(counts: counts, targetLoss: $0) }
      return
    }
    let throughputs = sound.flatMap { count in
      count.runs.map { (ranks: $0.ranks, throughput: $0.samplesPerSecond) }
    }
    laws = (plan.mode == .strong ? [.amdahl, .usl] : [.gustafson, .usl]).map {
      FittedLaw($0, throughputs)
    }
    exchange = Self.exchange(sound)
    let steps = Self.steps(sound)
    self.steps = steps
    let heldOut = sound.map { count in
      let others = sound.filter { $0.ranks != count.ranks }
      return TrainTestSplit(
        ranks: count.ranks, measured: count.step.median,
        predicted: Self.steps(others)?.seconds(of: count))
    }
    self.heldOut = heldOut
    let evidence = Self.evidence(for: steps, sound, heldOut)
    self.evidence = evidence
    let supported = evidence.verdict == .none ? nil : steps
    predictions =
      supported.map { model in ranks.compactMap { Self.prediction($0, model, plan, sound, cluster) }
      } ?? []
    efficiency = plan.targetLoss.flatMap { StatisticalEfficiency(counts: counts, targetLoss: $0) }
  }

  // MARK: Speed

  /// The rank count that speed-ups are counted from: the smallest that was measured; of fixed cores
  /// the largest, whose ranks have fewest threads.
  public var base: RankCount {
    (plan.cores == nil ? sound.first : sound.last) ?? counts[0]
  }
  /// Throughput over that of the base, times the cores of that, which are its ranks; without this
  /// factor where cores are fixed.
  public func speedUp(_ count: RankCount) -> Double {
    speedUp(samplesPerSecond: count.samplesPerSecond)
  }
  func speedUp(samplesPerSecond: Double) -> Double {
    samplesPerSecond / base.samplesPerSecond * (plan.cores == nil ? Double(base.ranks) : 1)
  }
  public func efficiency(_ count: RankCount) -> Double { speedUp(count) / Double(count.ranks) }

  // MARK: Models

  /// The exchange's model, from its times at all sizes and rank counts; zero where nothing was
  /// exchanged.
  private static func exchange(_ counts: [RankCount]) -> ExchangeModel? {
    ExchangeModel(fitting: counts.flatMap { $0.exchangePoints })
  }

  private static func steps(_ counts: [RankCount]) -> StepModel? {
    let silent = ExchangeModel(networkLatency: 0, localLatency: 0, touching: 0)
    let exchange = exchange(counts)
    // Without any exchange only one rank can be predicted.
    guard exchange != nil || counts.allSatisfy({ $0.ranks == 1 }) else { return nil }
    let points = counts.flatMap { count in
      count.runs.map {
        (samples: (Double(count.globalBatch) / Double(count.ranks)).rounded(.up), seconds: $0.own)
      }
    }
    return StepModel(own: points, exchange: exchange ?? silent)
  }

  /// A prediction is one of an exchange above all: it takes a rank count with an exchange that the
  /// others predict.
  private static func evidence(
    for steps: StepModel?, _ sound: [RankCount], _ heldOut: [TrainTestSplit]
  ) -> Evidence {
    let points = sound.reduce(0) { $0 + $1.runs.count }
    guard steps != nil else {
      return Evidence(
        points: points, rankCounts: sound.count,
        missing: "no exchange was timed between ranks that do not take turns on the cores")
    }
    guard heldOut.contains(where: { $0.ranks > 1 && $0.predicted != nil }) else {
      return Evidence(
        points: points, rankCounts: sound.count,
        missing:
          "no exchange could be left out and predicted from others: that takes two rank counts above 1 that are not oversubscribed"
      )
    }
    let pairs = heldOut.compactMap { point in
      point.predicted.map { (predicted: $0, measured: point.measured) }
    }
    return Evidence(
      points: points, rankCounts: sound.count, degreesOfFreedom: points - 2, heldOut: pairs)
  }

  private static func prediction(
    _ ranks: Int, _ model: StepModel, _ plan: StudyPlan, _ sound: [RankCount], _ cluster: Cluster
  )
    -> Prediction?
  {
    guard let base = sound.first, let bytes = sound.compactMap(\.modelBytes).first else {
      return nil
    }
    let batch = plan.mode == .strong ? base.globalBatch : base.globalBatch / base.ranks * ranks
    // The largest share is what the others wait for.
    let own = model.own(samples: (Double(batch) / Double(ranks)).rounded(.up))
    let placement = Placement(ranks: ranks, perHost: cluster.ranksPerHost)
    let there = model.exchange.with(latency: cluster.latency, bandwidth: cluster.bandwidth)
    let kept = sound.compactMap(\.pattern).first { $0 != .shared }
    var stepThere = model
    stepThere.exchange = there
    /// The part of the exchange that nothing hides.
    func seconds(_ pattern: ExchangePattern) -> Double? {
      pattern.step(
        bytes: bytes, ledgerBytes: sound.compactMap(\.ledgerBytes).first ?? 0, on: placement
      ).map {
        stepThere.seconds(own: own, pattern, $0) - own
      }
    }
    guard let flat = seconds(kept ?? .replicatedInBuckets) else { return nil }
    let hierarchical = kept == nil ? seconds(.shared) : nil
    let best = min(flat, hierarchical ?? flat)
    let alone = model.own(samples: Double(plan.mode == .strong ? batch : batch / ranks))
    let speedUp =
      Double(batch) / (own + best) / (Double(plan.mode == .strong ? batch : batch / ranks) / alone)
    return Prediction(
      ranks: ranks, hosts: placement.hostCount, globalBatch: batch, flat: own + flat,
      hierarchical: hierarchical.map { own + $0 },
      exchangeShare: best / (own + best), speedUp: speedUp, efficiency: speedUp / Double(ranks))
  }
}

extension RankCount {
  var pattern: ExchangePattern? { exchange.flatMap { ExchangePattern(rawValue: $0.pattern) } }
  /// Of the gradient: the model's own size is timed first.
  var modelBytes: Double? { exchange?.sizes.first.map { Double($0.bytes) } }
  var ledgerBytes: Double? { exchange?.sizes.first.map { Double($0.ledgerBytes) } }

  /// The median time of the exchange at each size.
  public var exchangePoints: [ExchangeModel.Point] {
    guard let exchange, let pattern else { return [] }
    let placement = Placement(names: exchange.hosts)
    return exchange.sizes.compactMap { size in
      guard let seconds = Quartiles(size.seconds)?.median,
        let step = pattern.step(
          bytes: Double(size.bytes), ledgerBytes: Double(size.ledgerBytes), on: placement)
      else { return nil }
      return ExchangeModel.Point(step.total, seconds: seconds)
    }
  }
}

extension StepModel {
  /// A step of ranks as they were measured.
  func seconds(of count: RankCount) -> Double? {
    let own = own(samples: (Double(count.globalBatch) / Double(count.ranks)).rounded(.up))
    if count.ranks == 1 { return own }
    guard exchange.localLatency + exchange.networkLatency + exchange.touching > 0,
      let bytes = count.modelBytes,
      let pattern = count.pattern,
      let step = pattern.step(
        bytes: bytes, ledgerBytes: count.ledgerBytes ?? 0, on: count.placement)
    else { return nil }
    return seconds(own: own, pattern, step)
  }
}
