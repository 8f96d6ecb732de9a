import MPI
import Vectors

/// What both reducers by messages are: vectors of each rank's own, and a gradient that may leave in
/// buckets.
public class MessageReducer {
  public let partition: ParameterPartition
  let layout: TensorLayout
  let buckets: GradientBuckets?

  /// Without buckets the gradient is sent as a whole.
  init(_ layout: TensorLayout, _ partition: ParameterPartition, buckets: GradientBuckets?) {
    (self.layout, self.partition, self.buckets) = (layout, partition, buckets)
  }

  /// Whether gradients leave in buckets, each as soon as it is complete.
  public var overlaps: Bool { buckets != nil }

  public func makeGradient(on world: borrowing Communicator) -> FlatVector {
    buckets?.makeGradient() ?? FlatVector(zeros: layout)
  }

  public func ready(_ gradient: inout FlatVector, from position: Int) -> Bool {
    guard let buckets else { return false }
    buckets.start(&gradient, from: position)
    return buckets.isUnderWay
  }

  public func progress() { buckets?.poll() }
}
