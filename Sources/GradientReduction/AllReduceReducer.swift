import MPI
import Vectors

/// Every rank sums the whole gradient and updates all weights: one allreduce of 4·P bytes, or as
/// many in buckets; nothing to publish.
public final class AllReduceReducer: MessageReducer, GradientReducer {
  public let owned: Range<Int>
  public let ownedParts: [TensorLayout.Part]
  public let updated: Range<Int>

  /// `overlapping` says whether gradients are summed in buckets, which may leave early. Collective.
  public init(_ layout: TensorLayout, overlapping: Bool, on world: borrowing Communicator)
    throws(MPIError)
  {
    owned = layout.slice(world.rank, of: world.size)
    ownedParts = layout.parts(of: owned)
    updated = 0..<layout.elementCount
    super.init(
      layout,
      buckets: overlapping && world.size > 1
        ? try GradientBuckets(layout, gathers: true, on: world) : nil)
  }

  public func reduce(
    _ gradient: inout FlatVector, shares: [Range<Int>], on world: borrowing Communicator
  ) throws(MPIError) -> [Double]? {
    if world.size == 1 { return nil }
    if let buckets {
      try buckets.finish(&gradient)
    } else {
      var elements = gradient.mutableElements
      try world.allReduce(&elements, .sum)
    }
    return gradient.squares(in: ownedParts)
  }

  public func publish(_ weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError)
  {}
}
