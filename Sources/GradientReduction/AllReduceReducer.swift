import MPI
import Vectors

/// Every rank sums the whole gradient and updates all weights: one allreduce of 4·P bytes, or as
/// many in buckets; no weights travel.
public final class AllReduceReducer: MessageReducer, GradientReducer {
  /// `overlapping` says whether gradients are summed in buckets, which may leave early. Collective.
  public init(_ layout: TensorLayout, overlapping: Bool, on world: borrowing Communicator)
    throws(MPIError)
  {
    super.init(
      layout, .replicated(layout, rank: world.rank, of: world.size),
      buckets: overlapping && world.size > 1
        ? try GradientBuckets(layout, gathers: true, on: world) : nil)
  }

  public func makeParameters(on world: borrowing Communicator) -> Parameters {
    Parameters(layout, gathering: nil)
  }

  public func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> [Double]?
  {
    if world.size == 1 { return nil }
    if let buckets {
      try buckets.finish(&gradient)
    } else {
      var elements = gradient.mutableElements
      try world.allReduce(&elements, .sum)
    }
    return gradient.squares(in: partition.shardParts)
  }
}
