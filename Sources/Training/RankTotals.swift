import MPI
import Recording

/// What one rank did, in the whole run and since the last line of `ranks.jsonl`.
struct RankTotals {
  private(set) var samples = 0
  private(set) var lastLoss: Double?
  private var normSum = 0.0
  private var normCount = 0
  private(set) var seconds = PhaseTimes.zero
  private var interval = Interval()

  private struct Interval {
    var samples = 0
    var lossSum = 0.0
    var norm = Double.nan
    var seconds = PhaseTimes.zero
  }

  mutating func record(_ outcome: StepOutcome) {
    samples += outcome.share
    seconds += outcome.seconds
    interval.seconds += outcome.seconds
    guard outcome.share > 0 else { return }
    lastLoss = outcome.local.loss / Double(outcome.share)
    interval.samples += outcome.share
    interval.lossSum += outcome.local.loss
    interval.norm = outcome.local.norm
    // Neither a gradient that is not finite nor none at all says how long this rank's gradients
    // are.
    guard outcome.local.norm > 0 else { return }
    normSum += outcome.local.norm
    normCount += 1
  }

  var meanLocalNorm: Double? { normCount > 0 ? normSum / Double(normCount) : nil }
  /// Time in calls that wait for other ranks.
  var secondsTogether: Double { seconds.together }

  /// One rank's sums, as checkpoints keep them.
  struct Saved: Codable, Equatable {
    var samples: Int
    var normSum: Double
    var normCount: Int
    /// Of the phases, in their order.
    var seconds: [Double]
  }

  /// Goes on from what the ranks of a checkpoint did. Where there were more of them than now, rank
  /// i takes over from i, i + n, i + 2n, …, so that the ranks' samples add up to the run's.
  mutating func resume(_ saved: [Saved], rank: Int, ranks: Int) {
    for part in Swift.stride(from: rank, to: saved.count, by: ranks).map({ saved[$0] })
    where part.seconds.count <= Phase.allCases.count {
      samples += part.samples
      normSum += part.normSum
      normCount += part.normCount
      seconds += PhaseTimes(part.seconds)
    }
  }

  /// Every rank's sums, at rank 0; nil elsewhere. Collective.
  func gather(on world: borrowing Communicator) throws -> [Saved]? {
    let mine = [Double(samples), normSum, Double(normCount)] + seconds.values
    return try world.gather(mine.span)?.map { v in
      Saved(samples: Int(v[0]), normSum: v[1], normCount: Int(v[2]), seconds: Array(v[3...]))
    }
  }

  /// Every rank's record of the interval that ends here, at rank 0; empty elsewhere. Collective.
  mutating func takeInterval(step: Int, hosts: [String], on world: borrowing Communicator) throws
    -> [RankRecord]
  {
    let part = interval
    interval = Interval()
    let loss = part.samples > 0 ? part.lossSum / Double(part.samples) : .nan
    let mine = [Double(samples), loss, part.norm] + part.seconds.values
    guard let all = try world.gather(mine.span) else { return [] }
    return all.enumerated().map { rank, v in
      RankRecord(
        rank: rank, host: hosts[rank], step: step, samples: Int(v[0]), loss: v[1], localNorm: v[2],
        seconds: PhaseTimes(v[3...]))
    }
  }
}
