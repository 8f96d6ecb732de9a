import MPI
import Vectors

/// How the ranks turn their gradients into one.
///
/// Every rank has one shard of the flat vector (``ParameterPartition``). A step is always: compute
/// micro-batch by micro-batch, sum the ranks' gradients (at least the own shard), square the shard,
/// reduce the ledger, update the weights, give them to all (``Parameters``). Local gradients are
/// weighted already (wᵢ gᵢ), so the sum is the mean gradient.
///
/// The ledger's reduction is part of it: until then other ranks may still read this rank's gradient
/// outside its shard. What a rank writes before that lies in the update range.
public protocol GradientReducer: AnyObject {
  /// What of the flat vector this rank measures and updates; the same during a run.
  var partition: ParameterPartition { get }

  /// Makes the run's weights, all zero. Collective.
  func makeParameters(on world: borrowing Communicator) throws -> Parameters

  /// Makes a vector, all zero, for gradients that are to be summed; ``reduce(_:on:)`` takes no
  /// other. Collective.
  func makeGradient(on world: borrowing Communicator) throws -> FlatVector

  /// A step begins, in which rank r has the micro-batches `microBatches[r]`, numbered within the
  /// global batch. Collective.
  func begin(_ microBatches: [Range<Int>], on world: borrowing Communicator) throws

  /// Takes one micro-batch's gradient into the step's. `compute` leaves it in the vector that it is
  /// given, set or added to what is there.
  ///
  /// The default adds within `gradient`; where `compute` is to see the micro-batch's gradient by
  /// itself, in `scratch` first. Afterwards `gradient` may be another vector.
  func accumulate(
    _ microBatch: MicroBatch, into gradient: inout FlatVector, scratch: inout FlatVector?,
    by compute: (_ vector: inout FlatVector, _ adds: Bool) -> Void)

  /// The step's gradient is complete on this rank from a position on, and nothing changes it there
  /// until it is reduced. Returns whether any of it is under way to other ranks now.
  ///
  /// It is each rank's own decision: one may say so of every tensor, another of none. An error is
  /// thrown by ``reduce(_:on:)``.
  func ready(_ gradient: inout FlatVector, from position: Int) -> Bool

  /// Lets move what is under way.
  func progress()

  /// Sums the ranks' gradients: afterwards `gradient` holds the total in the update range, and
  /// nothing of use elsewhere. Collective.
  ///
  /// Returns the sum of the total's squares in each of the shard's parts, taken while they are in
  /// cache; nil where the vector is the total already, in a world of one rank.
  func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator) throws(MPIError)
    -> [Double]?
}

/// A reducer that remembers something from step to step, such as what it rounded away: checkpoints
/// keep it.
public protocol StatefulReducer: GradientReducer {
  /// What checkpoints know the state by: another kind's is never taken over.
  var stateKind: String { get }
  /// What this rank remembers.
  var state: [Float] { get }
  /// Takes over what some of a checkpoint's ranks remembered: of n ranks now, rank r gets the states
  /// of r, r + n, r + 2n and so on, and none where there were fewer.
  func restore(_ states: [[Float]])
}

/// One of a rank's micro-batches in a step.
public struct MicroBatch: Sendable, Equatable {
  /// Within the global batch, counted from 0.
  public var number: Int
  /// Whether it is the rank's first of the step.
  public var isFirst: Bool
  /// Whether its gradient is to be seen by itself.
  public var isApart: Bool

  /// Micro-batch `number` of the global batch.
  public init(number: Int, isFirst: Bool, isApart: Bool) {
    (self.number, self.isFirst, self.isApart) = (number, isFirst, isApart)
  }
}

// A reducer that does all of its work when the gradient is complete.
extension GradientReducer {
  public func begin(_ microBatches: [Range<Int>], on world: borrowing Communicator) throws {}

  public func accumulate(
    _ microBatch: MicroBatch, into gradient: inout FlatVector, scratch: inout FlatVector?,
    by compute: (_ vector: inout FlatVector, _ adds: Bool) -> Void
  ) {
    guard microBatch.isApart && !microBatch.isFirst else {
      return compute(&gradient, !microBatch.isFirst)
    }
    var alone = scratch.take() ?? FlatVector(zeros: gradient.layout)
    compute(&alone, false)
    gradient.add(alone)
    scratch = consume alone
  }

  public func ready(_ gradient: inout FlatVector, from position: Int) -> Bool { false }

  public func progress() {}
}
