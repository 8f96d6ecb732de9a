/// One line of `ranks.jsonl`: what one rank did since the last report interval.
public struct RankRecord: Sendable, Equatable {
  public var rank: Int
  public var host: String
  public var step: Int
  /// Samples this rank has seen so far.
  public var samples: Int
  /// Mean loss over the rank's own samples of the interval.
  public var loss: Double?
  /// Norm of the rank's own gradient, before the reduction.
  public var localNorm: Double?
  public var seconds: PhaseTimes

  public init(
    rank: Int, host: String, step: Int, samples: Int, loss: Double?, localNorm: Double?,
    seconds: PhaseTimes
  ) {
    self.rank = rank
    self.host = host
    self.step = step
    self.samples = samples
    self.loss = loss
    self.localNorm = localNorm
    self.seconds = seconds
  }
}

extension RankRecord: Decodable, JSONWritable {
  private enum CodingKeys: String, CodingKey {
    case rank, host, step, samples, loss, seconds
    case localNorm = "local_norm"
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rank", rank)
      $0.field("host", host)
      $0.field("step", step)
      $0.field("samples", samples)
      $0.field("loss", loss)
      $0.field("local_norm", localNorm)
      $0.field("seconds", seconds)
    }
  }
}
