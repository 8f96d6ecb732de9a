import MPI
import Vectors

/// What both exchanges by messages are: vectors of each rank's own, and a gradient that may leave
/// in buckets.
public class MessageReducer {
  let layout: TensorLayout
  let buckets: GradientBuckets?

  /// Without buckets the gradient is exchanged as a whole.
  init(_ layout: TensorLayout, buckets: GradientBuckets?) {
    (self.layout, self.buckets) = (layout, buckets)
  }

  public func makeWeights(on world: borrowing Communicator) -> FlatVector {
    FlatVector(zeros: layout)
  }
  public func makeGradient(on world: borrowing Communicator) -> FlatVector {
    buckets?.makeGradient() ?? FlatVector(zeros: layout)
  }

  public var startsEarly: Bool { buckets != nil }
  public func start(_ gradient: inout FlatVector, from position: Int) {
    buckets?.start(&gradient, from: position)
  }
  public func poll() { buckets?.poll() }
}
