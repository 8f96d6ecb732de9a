/// What a run measured, step by step, folded so that a run of any length fits: what reports draw.
public struct RunSeries: Sendable {
  /// The metrics that charts show, and what they were, as it is drawn.
  package private(set) var metrics:
    [(metric: any Metric, line: MetricLine, series: DownsampledSeries)]
  package private(set) var layers = DownsampledRows()
  /// The last step that recorded signal and noise of each tensor.
  package private(set) var layerNoise: (step: Int, layers: [StepRecord.LayerNoise])?
  package private(set) var steps = 0
  package private(set) var lastStep = 0
  package private(set) var skipped: [Int] = []
  /// Why the first of them were skipped.
  package private(set) var skipReasons: [(step: Int, reason: String)] = []
  package private(set) var skippedCount = 0
  /// Seconds of each rank, by rank.
  package private(set) var ranks: [RankTime] = []

  /// What the rows held out said, step by step: the loss, and the model's score with its name.
  package private(set) var heldOut = DownsampledSeries()
  package private(set) var heldOutScore = DownsampledSeries()
  /// The same of the running mean of the weights.
  package private(set) var average = DownsampledSeries()
  package private(set) var averageScore = DownsampledSeries()
  package private(set) var scoreName: String?

  /// Where a rank's time went, over all intervals that were recorded.
  package struct RankTime: Sendable {
    package var rank: Int
    package var host: String
    package var seconds: PhaseTimes
  }

  /// How many skipped steps a report gives a reason of.
  public static let namedReasons = 20
  private static let namedSkips = 4096
  private static let namedRanks = 65_536

  /// `declared` are the metrics of the records besides their own.
  public init(_ declared: [MetricDeclaration] = []) {
    metrics = Metrics.inRecords(with: declared).compactMap { metric in
      metric.declaration.line.map { (metric, $0, DownsampledSeries()) }
    }
  }

  /// What a metric was; without points where it is none of these.
  package subscript(name: String) -> DownsampledSeries {
    metrics.first { $0.metric.declaration.name == name }?.series ?? DownsampledSeries()
  }

  /// Takes in a step, in order.
  public mutating func add(_ record: StepRecord) {
    let x = Double(record.step)
    steps += 1
    lastStep = record.step
    for index in metrics.indices {
      let value = metrics[index].metric.value(of: record)
      metrics[index].series.add(x, value.map { $0 * metrics[index].line.factor })
    }
    layers.add(record.step, record.norm.layers)
    if !record.noise.layers.isEmpty { layerNoise = (record.step, record.noise.layers) }
    if record.action == .skip {
      skippedCount += 1
      if skipped.count < Self.namedSkips { skipped.append(record.step) }
      if skipReasons.count < Self.namedReasons {
        skipReasons.append((record.step, record.reason ?? ""))
      }
    }
  }

  /// Takes in an evaluation of the rows held out, in the order of steps.
  public mutating func add(_ record: EvaluationRecord) {
    let x = Double(record.step)
    heldOut.add(x, record.scores.loss)
    if let own = record.average {
      average.add(x, own.loss)
      if let score = own.score { averageScore.add(x, score.value) }
    }
    guard let score = record.scores.score else { return }
    scoreName = score.name
    heldOutScore.add(x, score.value)
  }

  /// Takes in a rank's interval.
  public mutating func add(_ record: RankRecord) {
    guard (0..<Self.namedRanks).contains(record.rank) else { return }
    while ranks.count <= record.rank {
      ranks.append(RankTime(rank: ranks.count, host: "", seconds: .zero))
    }
    ranks[record.rank].host = record.host
    ranks[record.rank].seconds += record.seconds
  }
}
