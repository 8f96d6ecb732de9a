import Scaling

/// What a loss takes at each number of ranks: steps, samples, time and rank-seconds, and the steps
/// that the noise scale predicts.
public struct StatisticalEfficiency: Sendable, Equatable {
  public struct Row: Sendable, Equatable {
    public var ranks: Int
    public var globalBatch: Int
    /// Nil where the loss was not reached.
    public var steps: Double?
    /// From the noise scale of the smallest batch; that batch's own are what it starts from.
    public var forecast: Double?
    public var samples: Double?
    public var seconds: Double?
    /// Ranks × seconds.
    public var rankSeconds: Double?
    public var isOversubscribed: Bool
  }

  public var targetLoss: Double
  public var rows: [Row]
  /// Measured on the way of the smallest batch that reached the loss.
  public var noiseScale: Double?
  /// Fitted to the steps of several batches.
  public var fitted: CriticalBatch?

  /// Nil where nothing was measured.
  init?(counts: [RankCount], targetLoss: Double) {
    guard !counts.isEmpty else { return nil }
    self.targetLoss = targetLoss
    let reached = counts.filter { $0.stepsToTarget != nil }
    let start = reached.min { $0.globalBatch < $1.globalBatch }
    noiseScale = start?.noiseScale
    let law = start.flatMap { start in
      start.noiseScale.map {
        CriticalBatch(noiseScale: $0, steps: start.stepsToTarget!, batch: Double(start.globalBatch))
      }
    }
    rows = counts.map { count in
      let steps = count.stepsToTarget
      let seconds = steps.map { $0 * count.step.median }
      return Row(
        ranks: count.ranks, globalBatch: count.globalBatch, steps: steps,
        forecast: law?.steps(batch: Double(count.globalBatch)),
        samples: steps.map { $0 * Double(count.globalBatch) }, seconds: seconds,
        rankSeconds: seconds.map { $0 * Double(count.ranks) },
        isOversubscribed: count.isOversubscribed)
    }
    if Set(reached.map(\.globalBatch)).count > 1 {
      fitted = CriticalBatch(
        reached.map {
          (steps: $0.stepsToTarget!, samples: $0.stepsToTarget! * Double($0.globalBatch))
        })
    }
  }

  /// The rank count that takes least of a measure; oversubscribed ones, whose times are not theirs,
  /// are left out where times count.
  public func best(_ measure: (Row) -> Double?, isTime: Bool) -> Row? {
    rows.filter { measure($0) != nil && !(isTime && $0.isOversubscribed) }.min {
      measure($0)! < measure($1)!
    }
  }
}
