import MPI
import Vectors

/// A run's weights as this rank has them, and what keeps them equal on all ranks.
///
/// After an update the weights of other ranks may still be under way (``startAllGather(on:)``):
/// reading ``weights`` waits for all of them, a forward pass reads ``arriving`` and waits for what
/// each layer needs.
public final class Parameters {
  private var stored: FlatVector
  var store: any ParameterStore
  /// Whether weights of other ranks are under way.
  public private(set) var isGathering = false
  private var failure: MPIError?

  /// Takes over weights, all zero, that lie where `store` says.
  public init(_ weights: consuming FlatVector, in store: any ParameterStore) {
    stored = weights
    self.store = store
  }

  /// Weights of this rank's own. `gathering` has the lengths of all ranks' shards, in rank order,
  /// where each updates its shard alone; nil where every rank updates everything.
  public convenience init(_ layout: TensorLayout, gathering counts: [Int]?) {
    self.init(FlatVector(zeros: layout), in: ReplicaStore(gathering: counts))
  }

  /// The weights, all of which have arrived.
  public var weights: FlatVector {
    _read {
      advance(waitingBefore: .max)
      yield stored
    }
    _modify {
      advance(waitingBefore: .max)
      yield &stored
    }
  }

  /// Calls `body` with the weights, all of which have arrived. For what a step does once a tensor:
  /// each access to ``weights`` asks the heap for the frame of its coroutine.
  public func withWeights<Result>(_ body: (inout FlatVector) throws -> Result) rethrows -> Result {
    advance(waitingBefore: .max)
    return try body(&stored)
  }

  /// The weights, of which those are there that ``advance(waitingBefore:)`` has waited for.
  public var arriving: FlatVector { _read { yield stored } }

  /// Fills the weights by a function that gives the same values on every rank. Collective.
  public func fill(
    on world: borrowing Communicator, with body: (inout FlatVector) throws -> Void
  ) throws {
    try finishAllGather()
    try store.fill(&stored, on: world, with: body)
  }

  /// Gives every rank the weights that rank 0 has: `values` at rank 0, nil elsewhere. Collective.
  public func broadcast(_ values: [Float]?, on world: borrowing Communicator) throws(MPIError) {
    try finishAllGather()
    try store.broadcast(values, into: &stored, on: world)
  }

  /// Takes back what the weights were, the same on every rank, where this rank may write them.
  public func restore(from saved: borrowing FlatVector) { store.restore(&weights, from: saved) }

  /// Gives every rank the weights that the others updated. Collective.
  public func allGather(on world: borrowing Communicator) throws(MPIError) {
    try startAllGather(on: world)
    try finishAllGather()
  }

  /// Starts giving every rank the weights that the others updated. Collective.
  public func startAllGather(on world: borrowing Communicator) throws(MPIError) {
    try finishAllGather()
    isGathering = try store.startAllGather(&stored, on: world)
  }

  /// Lets weights that are under way move, and waits for all before a position.
  ///
  /// An error is kept, and thrown by what throws here.
  public func advance(waitingBefore position: Int = 0) {
    guard isGathering else { return }
    do throws(MPIError) { isGathering = try store.advance(waitingBefore: position) } catch {
      (isGathering, failure) = (false, error)
    }
  }

  /// Whether a rank may read ``weights`` while others do not, and send messages then.
  public var finishesAlone: Bool { !isGathering || store.finishesAlone }

  /// Waits for all weights that are under way. On all ranks, where they do not
  /// ``finishesAlone`` each.
  public func finishAllGather() throws(MPIError) {
    advance(waitingBefore: .max)
    if let failure { throw failure }
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
  /// Starts that, and returns whether any weights are still under way. Collective.
  func startAllGather(_ weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> Bool
  /// Lets weights that are under way move, and waits for all before a position; returns whether any
  /// still are.
  func advance(waitingBefore position: Int) throws(MPIError) -> Bool
  /// Whether a rank that waits for weights needs no more of the others than that they call MPI;
  /// otherwise all ranks are to wait, or to compute.
  var finishesAlone: Bool { get }
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

  public func startAllGather(_ weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> Bool
  {
    try allGather(&weights, on: world)
    return false
  }

  public func advance(waitingBefore position: Int) throws(MPIError) -> Bool { false }
  public var finishesAlone: Bool { true }
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

/// Weights of each rank's own, gathered bucket by bucket while the next forward pass computes.
final class PrefetchedStore: ParameterStore {
  private let gathers: WeightGathers

  init(_ gathers: WeightGathers) { self.gathers = gathers }

  func allGather(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    try gathers.start(weights)
    _ = try gathers.advance(waitingBefore: .max)
  }

  func startAllGather(_ weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> Bool
  {
    try gathers.start(weights)
    return try gathers.advance(waitingBefore: 0)
  }

  func advance(waitingBefore position: Int) throws(MPIError) -> Bool {
    try gathers.advance(waitingBefore: position)
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
