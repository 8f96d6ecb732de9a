/// How a step's gradients become one and the weights get back to all, as ``GradientReduction`` does
/// it.
public enum ExchangePattern: String, CaseIterable, Sendable {
  /// An allreduce of the gradient; nothing to publish.
  case replicated
  /// A reduce-scatter of the gradient, an all-gather of the weights, over all ranks alike: flat.
  case messages
  /// The whole gradient in buckets, which leave while the backward pass goes on: each piece to its
  /// rank, which adds, and from there to all.
  case replicatedInBuckets = "replicated in buckets"
  /// The same, its sum divided: the weights are gathered while the next forward pass goes on.
  case shardedInBuckets = "sharded in buckets"
  /// Shared memory within a host; between hosts the ranks with the same place on theirs divide a
  /// part by messages: hierarchical.
  case shared
  /// The reproducible sum: every rank sends each owner its part of the gradient; an all-gather of
  /// the weights.
  case ordered

  /// A step's two halves: up to the summed gradient, and from the ledger to the weights that
  /// everybody has.
  public struct Step: Sendable, Equatable {
    public var reduce: Traffic
    public var publish: Traffic
    public var total: Traffic { reduce + publish }
  }

  /// Whether the gradient leaves while the backward pass goes on.
  public var isEarly: Bool { self == .replicatedInBuckets || self == .shardedInBuckets }

  /// What a step moves for `bytes` of gradient and a ledger of `ledgerBytes`. Nil where the ranks
  /// cannot be placed so: shared memory needs hosts with equally many ranks, and more than one
  /// each.
  public func step(bytes: Double, ledgerBytes: Double = 1024, on placement: Placement) -> Step? {
    let p = placement.rankCount
    guard p > 1 else { return Step(reduce: Traffic(), publish: Traffic()) }
    let ledger = Collective.recursiveDoubling.traffic(ledgerBytes, placement)
    switch self {
    case .replicated:
      return Step(reduce: allReduce(bytes, placement), publish: ledger)
    case .messages:
      return Step(
        reduce: Collective.reduceScatter(ranks: p, bytes: bytes).traffic(bytes, placement),
        publish: ledger + Collective.allGather(ranks: p, bytes: bytes).traffic(bytes, placement))
    case .replicatedInBuckets:
      // Started collectives are linear: in the second half too every rank sends its piece to every
      // other.
      return Step(reduce: 2 * Collective.allToAll.traffic(bytes, placement), publish: ledger)
    case .ordered, .shardedInBuckets:
      return Step(
        reduce: Collective.allToAll.traffic(bytes, placement),
        publish: ledger + Collective.allGather(ranks: p, bytes: bytes).traffic(bytes, placement))
    case .shared:
      guard let places = placement.ranksPerHost, places > 1 else { return nil }
      let barrier = Traffic(localRounds: Double(Int.bitWidth - (places - 1).leadingZeroBitCount))
      // Each rank reads its slice of every rank's gradient: the whole length.
      let sum = Traffic(touchedBytes: bytes)
      let hosts = placement.hostCount
      guard hosts > 1 else { return Step(reduce: barrier + sum, publish: ledger + barrier) }
      // All places use the link at the same time, each for its slice.
      let (slice, column) = (bytes / Double(places), Placement(ranks: hosts, perHost: 1))
      func together(_ traffic: Traffic) -> Traffic {
        var traffic = traffic
        traffic.linkBytes *= Double(places)
        return traffic
      }
      return Step(
        reduce: barrier + sum
          + together(Collective.reduceScatter(ranks: hosts, bytes: slice).traffic(slice, column)),
        publish: ledger + barrier
          + together(Collective.allGather(ranks: hosts, bytes: slice).traffic(slice, column)))
    }
  }

  private func allReduce(_ bytes: Double, _ placement: Placement) -> Traffic {
    let chosen = Collective.allReduce(ranks: placement.rankCount, bytes: bytes)
    // A ring's allreduce goes round twice.
    return (chosen == .ring ? 2 : 1) * chosen.traffic(bytes, placement)
  }
}
