import MPI
import Synchronization
import Vectors

/// The gradients of ranks on several nodes, summed bucket by bucket while the backward pass goes
/// on: first within a node, where the ranks read each other's, then between the nodes.
///
/// A bucket may leave a node when all of its ranks have completed it: each says so by entering a
/// barrier of the node that was started for the bucket, and goes on computing. When that barrier
/// has ended a rank sums its column of the bucket, the pieces that it owns together with the ranks
/// that have its place on the other nodes, and these exchange their sums (``GradientBuckets``).
final class NodeExchange {
  private let layout: TensorLayout
  /// By bucket, last first: where it begins, and this rank's column of it.
  private let columns: [(start: Int, range: Range<Int>)]
  private let buckets: GradientBuckets
  private let completions: RequestQueue
  /// How many buckets this rank has completed, and of how many the node's sum is made.
  private var completed = 0
  private var sent = 0
  private var flight: Flight?
  private var failure: MPIError?

  /// The vectors of the node's ranks, and this rank's memory.
  private struct Flight {
    let base: UnsafeMutablePointer<Float>
    let owner: AnyObject
    let vectors: [UnsafeMutablePointer<Float>]
  }

  /// `plan` is the column's. Collective.
  init(_ layout: TensorLayout, _ plan: BucketPlan, _ groups: NodeGroups) throws(MPIError) {
    self.layout = layout
    columns = plan.buckets.map { ($0.range.lowerBound, $0.column) }
    completions = try RequestQueue(on: groups.node)
    buckets = try GradientBuckets(layout, plan, gathers: false, on: groups.column)
  }

  /// This rank's gradient is complete from a position on; `vectors` are those of the node's ranks
  /// that belong to it. An error is thrown by ``finish(_:vectors:)``.
  func start(
    _ gradient: inout FlatVector, vectors: [UnsafeMutablePointer<Float>], from position: Int
  ) {
    attempt { () throws(MPIError) in
      try announce(gradient, vectors, from: position)
      try advance(isWaiting: false)
    }
  }

  /// Lets messages move, and sums what is complete.
  func poll() {
    guard flight != nil else { return }
    attempt { () throws(MPIError) in try advance(isWaiting: false) }
  }

  var isUnderWay: Bool { flight != nil }

  /// Sends the rest, and returns when this rank's sums are there. Collective.
  func finish(_ gradient: inout FlatVector, vectors: [UnsafeMutablePointer<Float>]) throws(MPIError)
  {
    if let failure { throw failure }
    try announce(gradient, vectors, from: 0)
    try advance(isWaiting: true)
    try buckets.finish(&gradient)
    (flight, completed, sent) = (nil, 0, 0)
  }

  private func attempt(_ body: () throws(MPIError) -> Void) {
    guard failure == nil else { return }
    do throws(MPIError) { try body() } catch { failure = error }
  }

  private func announce(
    _ gradient: borrowing FlatVector, _ vectors: [UnsafeMutablePointer<Float>], from position: Int
  ) throws(MPIError) {
    precondition(
      flight == nil || flight!.base == gradient.base, "another gradient is being summed")
    flight = flight ?? Flight(base: gradient.base, owner: gradient.owner!, vectors: vectors)
    while completed < columns.count && columns[completed].start >= position {
      atomicMemoryFence(ordering: .sequentiallyConsistent)
      try completions.startBarrier(keeping: flight!.owner)
      completed += 1
    }
  }

  private func advance(isWaiting: Bool) throws(MPIError) {
    guard let flight else { return }
    while sent < completed {
      if isWaiting {
        try completions.waitForOldest()
      } else if try !completions.takeOldest() {
        break
      }
      atomicMemoryFence(ordering: .sequentiallyConsistent)
      // The ranks read no column but their own of each other's vectors.
      var sum = FlatVector(layout, at: flight.base, keptBy: flight.owner)
      _ = sum.set(columns[sent].range, toSumOf: flight.vectors)
      buckets.start(&sum, from: columns[sent].start)
      sent += 1
    }
    buckets.poll()
  }
}
