import MPI
import Vectors

/// Every rank sums and updates its own slice alone: a reduce-scatter, at once or in buckets, then
/// an all-gather of the weights, 4·P bytes each; the optimiser's state is divided by the number of
/// ranks (Rajbhandari et al. 2020, ZeRO stage 1, arXiv 1910.02054).
public final class ReduceScatterReducer: MessageReducer, GradientReducer {
  private let counts: [Int]
  private let slice: UnsafeMutableBufferPointer<Float>

  /// `overlapping` says whether gradients are summed in buckets, which may leave early. Collective.
  public init(_ layout: TensorLayout, overlapping: Bool, on world: borrowing Communicator)
    throws(MPIError)
  {
    let size = world.size
    let slices = (0..<size).map { layout.slice($0, of: size) }
    let shard = slices[world.rank]
    counts = slices.map(\.count)
    let buckets =
      overlapping && size > 1
      ? try GradientBuckets(
        layout, gathers: false, piece: { slices[$1].clamped(to: $0) }, on: world) : nil
    slice = .allocate(capacity: buckets == nil ? shard.count : 0)
    slice.initialize(repeating: 0)
    super.init(
      layout, ParameterPartition(layout, shard: shard, updating: shard), buckets: buckets)
  }

  deinit { slice.deallocate() }

  public func makeParameters(on world: borrowing Communicator) -> Parameters {
    Parameters(layout, gathering: counts)
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
    try world.reduceScatter(gradient.elements, counts: counts, into: &mine, .sum)
    let start = partition.shard.lowerBound
    return partition.shardParts.map { part in
      let place = part.range.lowerBound - start..<part.range.upperBound - start
      return gradient.set(
        part.range, to: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(slice)[place]))
    }
  }
}
