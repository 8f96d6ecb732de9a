/// What a run measured, step by step, folded so that a run of any length fits: what reports draw.
public struct RunSeries: Sendable {
  private(set) var loss = DownsampledSeries()
  private(set) var learningRate = DownsampledSeries()
  private(set) var norm = DownsampledSeries()
  private(set) var applied = DownsampledSeries()
  private(set) var coefficient = DownsampledSeries()
  private(set) var threshold = DownsampledSeries()
  /// 1 where a step was clipped, 0 where not.
  private(set) var clipped = DownsampledSeries()
  /// √(trΣ/B): what of the norm is minibatch noise.
  private(set) var noiseFloor = DownsampledSeries()
  /// √|G|², where it is above zero.
  private(set) var signal = DownsampledSeries()
  private(set) var noiseScale = DownsampledSeries()
  private(set) var batch = DownsampledSeries()
  private(set) var updateRatio = DownsampledSeries()
  private(set) var localRMS = DownsampledSeries()
  private(set) var maxLocal = DownsampledSeries()
  private(set) var stepMs = DownsampledSeries()
  private(set) var computeMs = DownsampledSeries()
  private(set) var reduceMs = DownsampledSeries()
  private(set) var layers = DownsampledRows()
  private(set) var steps = 0
  private(set) var lastStep = 0
  private(set) var skipped: [Int] = []
  /// Why the first of them were skipped.
  private(set) var skipReasons: [(step: Int, reason: String)] = []
  private(set) var skippedCount = 0
  /// Seconds of each rank, by rank.
  private(set) var ranks: [RankTime] = []
  private var samples: Int?

  /// Where a rank's time went, over all intervals that were recorded.
  struct RankTime: Sendable {
    var rank: Int
    var host: String
    var seconds: PhaseTimes
  }

  private static let namedSkips = 4096
  private static let namedRanks = 65_536

  public init() {}

  /// Takes in a step, in order.
  public mutating func add(_ record: StepRecord) {
    let x = Double(record.step)
    // Of a long file every so many steps may have been read.
    let passed = record.step - lastStep
    let size =
      samples.map { passed > 0 ? (record.samples - $0) / passed : 0 }
      ?? (record.step == 1 ? record.samples : 0)
    steps += 1
    lastStep = record.step
    samples = record.samples
    loss.add(x, record.loss)
    learningRate.add(x, record.learningRate)
    norm.add(x, record.norm.global)
    applied.add(x, record.norm.applied)
    coefficient.add(x, record.norm.coefficient)
    threshold.add(x, record.norm.threshold)
    clipped.add(x, record.action == .clip ? 1 : 0)
    let variance = record.noise.variance.flatMap {
      $0 >= 0 && size > 0 ? ($0 / Double(size)).squareRoot() : nil
    }
    noiseFloor.add(x, variance)
    signal.add(x, record.noise.signal.flatMap { $0 > 0 ? $0.squareRoot() : nil })
    noiseScale.add(x, record.noise.scale)
    batch.add(x, size > 0 ? Double(size) : nil)
    updateRatio.add(x, record.updateRatio)
    localRMS.add(x, record.norm.localRMS)
    maxLocal.add(x, record.norm.maxLocal.value)
    stepMs.add(x, record.seconds.total * 1e3)
    computeMs.add(x, record.seconds.phases[.compute] * 1e3)
    reduceMs.add(x, record.seconds.phases[.reduce] * 1e3)
    layers.add(record.step, record.norm.layers)
    if record.action == .skip {
      skippedCount += 1
      if skipped.count < Self.namedSkips { skipped.append(record.step) }
      if skipReasons.count < ConvergenceReport.namedSkips {
        skipReasons.append((record.step, record.reason ?? ""))
      }
    }
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
