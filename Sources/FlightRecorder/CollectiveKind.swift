/// What a rank takes part in with others; the names that messages and `stalls/` give them.
@frozen
public enum CollectiveKind: UInt32, Sendable, CaseIterable, Codable {
  case start = 1
  case end, barrier, broadcast, gather, allGather, allReduce, reduceScatter, allToAll, split, free,
    window, reduce, scatter, scan, exclusiveScan

  public var name: String {
    switch self {
    case .start: "start of MPI"
    case .end: "end of MPI"
    case .barrier: "barrier"
    case .broadcast: "broadcast"
    case .gather: "gather"
    case .allGather: "all-gather"
    case .allReduce: "all-reduce"
    case .reduceScatter: "reduce-scatter"
    case .allToAll: "all-to-all"
    case .split: "split of a communicator"
    case .free: "end of a communicator"
    case .window: "shared window"
    case .reduce: "reduce"
    case .scatter: "scatter"
    case .scan: "scan"
    case .exclusiveScan: "exclusive scan"
    }
  }

  /// Whether all ranks give the same number of bytes: others are no proof that ranks call different
  /// collectives.
  public var hasEqualBytes: Bool {
    switch self {
    case .broadcast, .allReduce, .reduceScatter, .allGather, .reduce, .scan, .exclusiveScan: true
    default: false
    }
  }
}
