import MPI
import Synchronization
import Vectors

/// Gives every rank the weights that the others updated, bucket by bucket in the order in which a
/// forward pass reads them, while that pass computes: as FSDP prefetches (Zhao et al. 2023, arXiv
/// 2304.11277).
///
/// All buckets are started at once, so that a rank which waits for its own depends on nothing but
/// that the others call MPI at all. One all-gather a bucket; together the bytes of one of the whole.
///
/// Ranks that have one copy of the weights with others of their node gather a part of each bucket,
/// and may read it when all of them have: each enters a barrier of the node, started for the bucket,
/// when its part has arrived. There a rank that waits depends on the others waiting too, or
/// computing.
final class WeightGathers {
  /// First to last, with the position each begins at.
  private let buckets: [(start: Int, pieces: CountsAndDisplacements)]
  private let queue: RequestQueue
  /// The barriers of the node that has one copy of the weights.
  private let meetings: RequestQueue?
  /// How many buckets have arrived here, and how many on all ranks of the node.
  private var arrived = 0
  private var met = 0
  private var owner: AnyObject?

  /// Weights of each rank's own; `plan` has the ranks of `world` as owners. Collective.
  convenience init(_ plan: BucketPlan, on world: borrowing Communicator) throws(MPIError) {
    try self.init(plan, queue: RequestQueue(on: world), meetings: nil)
  }

  /// Weights that the ranks of a node have between them; `plan` is the column's. Collective.
  convenience init(_ plan: BucketPlan, _ groups: NodeGroups) throws(MPIError) {
    try self.init(
      plan, queue: RequestQueue(on: groups.column), meetings: RequestQueue(on: groups.node))
  }

  private init(_ plan: BucketPlan, queue: RequestQueue, meetings: RequestQueue?) throws(MPIError) {
    var buckets: [(start: Int, pieces: CountsAndDisplacements)] = []
    for bucket in plan.buckets.reversed() {
      buckets.append((bucket.range.lowerBound, try CountsAndDisplacements(bucket.pieces)))
    }
    (self.buckets, self.queue, self.meetings) = (buckets, queue, meetings)
  }

  /// Starts all of them; ``advance(waitingBefore:)`` has reported the end of those before.
  /// Collective.
  func start(_ weights: borrowing FlatVector) throws(MPIError) {
    guard let owner = weights.owner else {
      preconditionFailure("weights that are gathered in buckets lie in memory that outlives them")
    }
    precondition(
      queue.isEmpty && meetings?.isEmpty ?? true, "the last weights are still under way")
    (arrived, met, self.owner) = (0, 0, owner)
    for bucket in buckets {
      try queue.startAllGather(inPlace: weights.base, bucket.pieces, keeping: owner)
    }
  }

  /// Lets messages move, and waits for all weights before a position; returns whether any are still
  /// under way.
  func advance(waitingBefore position: Int) throws(MPIError) -> Bool {
    while arrived < buckets.count {
      if buckets[arrived].start < position {
        try queue.waitForOldest()
      } else if try !queue.takeOldest() {
        break
      }
      if let meetings {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        try meetings.startBarrier(keeping: owner!)
      }
      arrived += 1
    }
    guard let meetings else { return arrived < buckets.count }
    while met < arrived {
      if buckets[met].start < position {
        try meetings.waitForOldest()
      } else if try !meetings.takeOldest() {
        break
      }
      met += 1
    }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return met < buckets.count
  }
}
