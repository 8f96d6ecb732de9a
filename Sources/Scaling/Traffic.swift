/// What an exchange costs, in units that a machine's speeds turn into time.
public struct Traffic: Sendable, Equatable {
  /// Rounds in which some message crosses from host to host: each costs a latency α.
  public var networkRounds = 0.0
  /// Rounds within hosts alone.
  public var localRounds = 0.0
  /// Bytes through the busiest host's link, one way, summed over the rounds: each costs β.
  public var linkBytes = 0.0
  /// Bytes that the busiest rank takes in, and adds or copies, summed over the rounds: each costs
  /// γ.
  public var touchedBytes = 0.0

  public init(
    networkRounds: Double = 0, localRounds: Double = 0, linkBytes: Double = 0,
    touchedBytes: Double = 0
  ) {
    (self.networkRounds, self.localRounds) = (networkRounds, localRounds)
    (self.linkBytes, self.touchedBytes) = (linkBytes, touchedBytes)
  }

  public static func + (a: Traffic, b: Traffic) -> Traffic {
    Traffic(
      networkRounds: a.networkRounds + b.networkRounds, localRounds: a.localRounds + b.localRounds,
      linkBytes: a.linkBytes + b.linkBytes,
      touchedBytes: a.touchedBytes + b.touchedBytes)
  }

  static func * (times: Int, a: Traffic) -> Traffic {
    let n = Double(times)
    return Traffic(
      networkRounds: n * a.networkRounds, localRounds: n * a.localRounds,
      linkBytes: n * a.linkBytes, touchedBytes: n * a.touchedBytes)
  }
}

/// A message of one round.
struct Message {
  var from: Int
  var to: Int
  var bytes: Double
}

extension Placement {
  /// One round's cost: all its messages travel at once, a host's link carries those that cross one
  /// after the other.
  func round(_ messages: [Message]) -> Traffic {
    var (leaving, coming) = (
      [Double](repeating: 0, count: hostCount), [Double](repeating: 0, count: hostCount)
    )
    var taken = [Double](repeating: 0, count: rankCount)
    var crosses = false
    for message in messages {
      let (from, to) = (hosts[message.from], hosts[message.to])
      if from != to {
        crosses = true
        leaving[from] += message.bytes
        coming[to] += message.bytes
      }
      taken[message.to] += message.bytes
    }
    return Traffic(
      networkRounds: crosses ? 1 : 0, localRounds: crosses || messages.isEmpty ? 0 : 1,
      linkBytes: max(leaving.max()!, coming.max()!),
      touchedBytes: taken.max()!)
  }
}
