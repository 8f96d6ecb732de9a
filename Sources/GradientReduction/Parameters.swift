import MPI
import Vectors

/// A run's weights as this rank has them, and what keeps them equal on all ranks.
public final class Parameters {
  public var weights: FlatVector
  var store: any ParameterStore

  /// Takes over weights, all zero, that lie where `store` says.
  public init(_ weights: consuming FlatVector, in store: any ParameterStore) {
    self.weights = weights
    self.store = store
  }

  /// Weights of this rank's own. `gathering` has the lengths of all ranks' shards, in rank order,
  /// where each updates its shard alone; nil where every rank updates everything.
  public convenience init(_ layout: TensorLayout, gathering counts: [Int]?) {
    self.init(FlatVector(zeros: layout), in: ReplicaStore(gathering: counts))
  }

  /// Fills the weights by a function that gives the same values on every rank. Collective.
  public func fill(
    on world: borrowing Communicator, with body: (inout FlatVector) throws -> Void
  ) throws {
    try store.fill(&weights, on: world, with: body)
  }

  /// Gives every rank the weights that rank 0 has: `values` at rank 0, nil elsewhere. Collective.
  public func broadcast(_ values: [Float]?, on world: borrowing Communicator) throws(MPIError) {
    try store.broadcast(values, into: &weights, on: world)
  }

  /// Takes back what the weights were, the same on every rank, where this rank may write them.
  public func restore(from saved: borrowing FlatVector) { store.restore(&weights, from: saved) }

  /// Gives every rank the weights that the others updated. Collective.
  public func allGather(on world: borrowing Communicator) throws(MPIError) {
    try store.allGather(&weights, on: world)
  }
}

/// How the ranks keep their weights equal. A store that ranks have between them overrides the
/// first three, whose defaults are for weights of each rank's own.
public protocol ParameterStore: AnyObject {
  /// Fills the weights by a function that gives the same values on every rank. Collective.
  func fill(
    _ weights: inout FlatVector, on world: borrowing Communicator,
    with body: (inout FlatVector) throws -> Void) throws
  /// Gives every rank the weights that rank 0 has: `values` at rank 0, nil elsewhere. Collective.
  func broadcast(
    _ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError)
  /// Takes back what the weights were, the same on every rank, where this rank may write them:
  /// after a reduction, and before the ``allGather(_:on:)`` that follows.
  func restore(_ weights: inout FlatVector, from saved: borrowing FlatVector)
  /// Gives every rank the weights that the others updated. Collective.
  func allGather(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError)
}

extension ParameterStore {
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

  public func restore(_ weights: inout FlatVector, from saved: borrowing FlatVector) {
    weights.copy(from: saved)
  }
}

/// Weights of each rank's own: an all-gather of the shards, 4·P bytes, or nothing where every rank
/// updates everything.
final class ReplicaStore: ParameterStore {
  private let counts: [Int]?

  init(gathering counts: [Int]?) { self.counts = counts }

  func allGather(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    guard let counts, world.size > 1 else { return }
    var elements = weights.mutableElements
    try world.allGather(inPlace: &elements, counts: counts)
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
