import Recording
import Scaling

/// All that was measured at one number of ranks.
public struct RankCount: Sendable, Equatable {
  public let ranks: Int
  public let runs: [MeasuredRun]
  /// Whether ranks had to take turns on cores: the times say nothing about scaling.
  public let isOversubscribed: Bool
  /// Over repeats, of each one's median; with one repeat over its steps.
  public let step: Quartiles
  /// The exchange alone, where it was timed.
  public let exchange: ExchangeTimes?

  public init(_ runs: [MeasuredRun], isOversubscribed: Bool, exchange: ExchangeTimes?) {
    precondition(!runs.isEmpty)
    ranks = runs[0].ranks
    self.runs = runs
    self.isOversubscribed = isOversubscribed
    self.exchange = exchange
    step = runs.count == 1 ? runs[0].step : Quartiles(runs.map(\.step.median))!
  }

  /// Of each rank.
  public var threads: Int { runs[0].threads }
  public var globalBatch: Int { runs[0].globalBatch }
  /// Where the ranks were, or seemed to be.
  public var placement: Placement { Placement(names: exchange?.hosts ?? runs[0].hosts) }
  public var samplesPerSecond: Double { Double(globalBatch) / step.median }

  /// A mean step of each rank, over the repeats.
  public var parts: [PhaseTimes] {
    (0..<ranks).map { rank in
      runs.reduce(into: PhaseTimes.zero) { $0 += $1.parts[rank] } / Double(runs.count)
    }
  }

  /// What of a step, over ranks and repeats, went into a phase of it, in seconds.
  func mean(_ phase: Phase) -> Double {
    parts.map { $0[phase] }.reduce(0, +) / Double(ranks)
  }

  public var waiting: [Double] {
    (0..<ranks).map { rank in runs.reduce(0) { $0 + $1.waiting[rank] } / Double(runs.count) }
  }

  /// What the slowest rank does by itself in a step: over repeats the median.
  public var own: Double { Quartiles(runs.map(\.own))!.median }

  /// Steps to the target loss: over repeats the median, where all reached it.
  public var stepsToTarget: Double? {
    let reached = runs.compactMap(\.stepsToTarget)
    return reached.count == runs.count ? Quartiles(reached.map(Double.init))?.median : nil
  }

  public var noiseScale: Double? { Quartiles(runs.compactMap(\.noiseScale))?.median }
}
