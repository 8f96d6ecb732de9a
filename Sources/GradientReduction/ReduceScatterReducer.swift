import MPI
import Vectors

/// Every rank sums and updates its own shard alone: a reduce-scatter, then an all-gather of the
/// weights, 4·P bytes each; the optimiser's state is divided by the number of ranks (Rajbhandari et
/// al. 2020, ZeRO stage 1, arXiv 1910.02054).
///
/// At once, a shard is a slice. In buckets, a shard is a piece of each: so every rank sends and
/// receives during all of a pass, where of slices first one link would be busy and then the other.
public final class ReduceScatterReducer: MessageReducer, GradientReducer {
  /// The lengths of the slices; nil in buckets.
  private let counts: [Int]?
  private let plan: BucketPlan?
  private let slice: UnsafeMutableBufferPointer<Float>

  /// `overlapping` says whether gradients are summed in buckets, which may leave early, and weights
  /// gathered in buckets, for which the next forward pass need not wait. Collective.
  public init(_ layout: TensorLayout, overlapping: Bool, on world: borrowing Communicator)
    throws(MPIError)
  {
    let size = world.size
    if overlapping && size > 1 {
      let plan = BucketPlan(layout, owners: size)
      let shard = plan.owned(by: world.rank)
      (self.plan, counts, slice) = (plan, nil, .allocate(capacity: 0))
      super.init(
        layout, ParameterPartition(layout, shard: shard, updating: shard),
        buckets: try GradientBuckets(layout, plan, gathers: false, on: world))
    } else {
      let slices = (0..<size).map { layout.slice($0, of: size) }
      let shard = slices[world.rank]
      (plan, counts, slice) = (nil, slices.map(\.count), .allocate(capacity: shard.count))
      slice.initialize(repeating: 0)
      super.init(layout, ParameterPartition(layout, shard: shard), buckets: nil)
    }
  }

  deinit { slice.deallocate() }

  public func makeParameters(on world: borrowing Communicator) throws -> Parameters {
    guard let plan else { return Parameters(layout, gathering: counts) }
    return Parameters(
      GradientBuckets.Memory.vector(layout), in: PrefetchedStore(try WeightGathers(plan, on: world))
    )
  }

  public func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> [Double]?
  {
    if world.size == 1 { return nil }
    if let buckets {
      try buckets.finish(&gradient)
      return gradient.squares(in: partition.shardParts)
    }
    var mine = MutableSpan(_unsafeElements: slice)
    try world.reduceScatter(gradient.elements, counts: counts!, into: &mine, .sum)
    let start = partition.shard.lowerBound
    return partition.shardParts.map { part in
      let place = part.range.lowerBound - start..<part.range.upperBound - start
      return gradient.set(
        part.range, to: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(slice)[place]))
    }
  }
}
