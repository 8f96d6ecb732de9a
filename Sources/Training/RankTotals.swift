import MPI
import Reports

/// What one rank did, since it started and since the last line of `ranks.jsonl`.
struct RankTotals {
  private(set) var samples = 0
  private(set) var lastLoss: Double?
  private var normSum = 0.0
  private var normCount = 0
  private(set) var seconds = TimeShare.zero
  private var interval = Interval()

  private struct Interval {
    var samples = 0
    var lossSum = 0.0
    var norm = Double.nan
    var seconds = TimeShare.zero
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
    // Neither a gradient that is not finite nor none at all says how long this rank's gradients are.
    guard outcome.local.norm > 0 else { return }
    normSum += outcome.local.norm
    normCount += 1
  }

  var meanLocalNorm: Double? { normCount > 0 ? normSum / Double(normCount) : nil }
  /// Time in calls that wait for other ranks.
  var secondsTogether: Double { seconds.reduce + seconds.norm }

  /// Every rank's record of the interval that ends here, at rank 0; empty elsewhere. Collective.
  mutating func takeInterval(step: Int, hosts: [String], on world: borrowing Communicator) throws -> [RankRecord] {
    let part = interval
    interval = Interval()
    let loss = part.samples > 0 ? part.lossSum / Double(part.samples) : .nan
    let s = part.seconds
    let mine = [Double(samples), loss, part.norm, s.data, s.compute, s.reduce, s.norm, s.optimizer]
    guard let all = try world.gather(mine.span) else { return [] }
    return all.enumerated().map { rank, v in
      RankRecord(
        rank: rank, host: hosts[rank], step: step, samples: Int(v[0]), loss: v[1], localNorm: v[2],
        seconds: TimeShare(data: v[3], compute: v[4], reduce: v[5], norm: v[6], optimizer: v[7]))
    }
  }
}
