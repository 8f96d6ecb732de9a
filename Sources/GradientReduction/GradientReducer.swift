import MPI
import Vectors

/// How the ranks turn their gradients into one and stay equal.
///
/// Every rank owns one slice of the flat vector. A step is always: sum the ranks' gradients (at
/// least my slice) → square my slice → ledger → update the weights I am responsible for → publish
/// them. Local gradients are weighted already (wᵢ gᵢ), so the sum is the mean gradient.
///
/// The ledger's reduction is part of it: until it, other ranks may still read this rank's gradient
/// where it does not own it. What a rank writes before that lies in `updated`.
public protocol GradientReducer: AnyObject {
  /// The slice whose squares this rank gives to the ledger. Slices are disjoint and cover the
  /// vector.
  var owned: Range<Int> { get }
  /// The slice cut at the borders of tensors, and, where sums over it must not depend on the
  /// slices, of grains.
  var ownedParts: [TensorLayout.Part] { get }
  /// The part of the weights, and of the optimiser's state, that this rank updates.
  var updated: Range<Int> { get }
  /// Whether each micro-batch's gradient is to be handed over apart, with ``add(_:microBatch:)``.
  var takesMicroBatches: Bool { get }
  /// Learns which micro-batches each rank will have, before a step's first ``add(_:microBatch:)``.
  /// Collective.
  func prepare(for shares: [Range<Int>], on world: borrowing Communicator) throws
  /// Takes a micro-batch's gradient, numbered within the global batch, and leaves a vector of
  /// unspecified content in its place.
  func add(_ gradient: inout FlatVector, microBatch: Int)
  /// Whether a gradient may leave piece by piece, with ``start(_:from:)``, before it is handed to
  /// ``reduce(_:shares:on:)``.
  var startsEarly: Bool { get }
  /// The gradient is complete from a position on, and not to be touched there until it is reduced.
  /// An error comes out there.
  ///
  /// It is each rank's own affair: one that has no samples, or its reasons, hands over everything
  /// at once.
  func start(_ gradient: inout FlatVector, from position: Int)
  /// Lets what was started make progress.
  func poll()
  /// Sums the ranks' gradients: afterwards `gradient` holds the total in `updated`, and nothing of
  /// use elsewhere. Collective.
  ///
  /// `shares` says which micro-batches each rank had; only an exchange that takes them apart looks
  /// at it. Returns the sum of the total's squares in each of ``ownedParts``, taken while they are
  /// in cache; nil in a world of one rank whose gradient is the total already.
  func reduce(_ gradient: inout FlatVector, shares: [Range<Int>], on world: borrowing Communicator)
    throws(MPIError) -> [Double]?
  /// Whether ranks have one copy of the weights between them. Then each writes only what it
  /// updates, and only between a ``reduce(_:shares:on:)``, behind which no rank reads weights of
  /// others, and the ``publish(_:on:)`` that follows.
  var sharesWeights: Bool { get }
  /// Makes the run's weights, all zero. Collective.
  func makeWeights(on world: borrowing Communicator) throws -> FlatVector
  /// Makes a vector, all zero, for gradients that are to be summed; ``reduce(_:shares:on:)`` takes
  /// no other. Collective.
  func makeGradient(on world: borrowing Communicator) throws -> FlatVector
  /// Fills the weights by a function that gives the same values on every rank. Collective.
  func fill(
    _ weights: inout FlatVector, on world: borrowing Communicator,
    with body: (inout FlatVector) throws -> Void) throws
  /// Gives every rank the weights that rank 0 has, `values` at rank 0 and nil elsewhere.
  /// Collective.
  func broadcast(
    _ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError)
  /// Gives every rank the weights that the others updated. Collective.
  func publish(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError)
}

extension GradientReducer {
  public var takesMicroBatches: Bool { false }
  public func prepare(for shares: [Range<Int>], on world: borrowing Communicator) throws {}
  public func add(_ gradient: inout FlatVector, microBatch: Int) {
    fatalError("this exchange takes whole gradients")
  }
  public var startsEarly: Bool { false }
  public func start(_ gradient: inout FlatVector, from position: Int) {}
  public func poll() {}
}

// Every rank has weights of its own.
extension GradientReducer {
  public var sharesWeights: Bool { false }

  public func fill(
    _ weights: inout FlatVector, on world: borrowing Communicator,
    with body: (inout FlatVector) throws -> Void
  ) throws {
    try body(&weights)
  }

  public func broadcast(
    _ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator
  ) throws(MPIError) {
    try weights.broadcast(from: values, on: world)
  }
}

extension FlatVector {
  /// Takes over the elements that rank 0 has, on every rank. Collective.
  public mutating func broadcast(from values: [Float]?, on world: borrowing Communicator)
    throws(MPIError)
  {
    if let values { values.withUnsafeBufferPointer { _ = set(0..<count, to: $0) } }
    var span = mutableElements
    try world.broadcast(&span)
  }
}
