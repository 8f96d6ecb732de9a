import MPI
import Vectors

/// How the ranks turn their gradients into one and stay equal.
///
/// Every rank owns one slice of the flat vector. A step is always: sum the ranks' gradients (at least my slice) → square my slice → ledger →
/// update the weights I am responsible for → publish them. Local gradients are weighted already (wᵢ gᵢ), so the sum is the mean gradient.
///
/// The ledger's reduction is part of it: until it, other ranks may still read this rank's gradient where it does not own it. What a rank writes before that
/// lies in `updated`.
public protocol GradientExchange: AnyObject {
  /// The slice whose squares this rank gives to the ledger. Slices are disjoint and cover the vector.
  var owned: Range<Int> { get }
  /// The slice cut at the borders of tensors, and, where sums over it must not depend on the slices, of grains.
  var ownedParts: [TensorLayout.Part] { get }
  /// The part of the weights, and of the optimiser's state, that this rank updates.
  var updated: Range<Int> { get }
  /// Whether each micro-batch's gradient is to be handed over apart, with ``add(_:microBatch:)``.
  var takesMicroBatches: Bool { get }
  /// Learns which micro-batches each rank will have, before a step's first ``add(_:microBatch:)``. Collective.
  func prepare(for shares: [Range<Int>], on world: borrowing Communicator) throws
  /// Takes a micro-batch's gradient, numbered within the global batch, and leaves a vector of unspecified content in its place.
  func add(_ gradient: inout FlatVector, microBatch: Int)
  /// Whether a gradient may leave piece by piece, with ``start(_:from:)``, before it is handed to ``reduce(_:shares:on:)``.
  var startsEarly: Bool { get }
  /// The gradient is complete from a position on, and not to be touched there until it is reduced. An error comes out there.
  ///
  /// It is each rank's own affair: one that has no samples, or its reasons, hands over everything at once.
  func start(_ gradient: inout FlatVector, from position: Int)
  /// Lets what was started make progress.
  func poll()
  /// Sums the ranks' gradients: afterwards `gradient` holds the total in `updated`, and nothing of use elsewhere. Collective.
  ///
  /// `shares` says which micro-batches each rank had; only an exchange that takes them apart looks at it. Returns the sum of the total's squares in
  /// each of ``ownedParts``, taken while they are in cache; nil in a world of one rank whose gradient is the total already.
  func reduce(_ gradient: inout FlatVector, shares: [Range<Int>], on world: borrowing Communicator) throws(MPIError) -> [Double]?
  /// Whether ranks have one copy of the weights between them. Then each writes only what it updates, and only between a ``reduce(_:shares:on:)``, behind
  /// which nobody reads weights of others, and the ``publish(_:on:)`` that follows.
  var sharesWeights: Bool { get }
  /// Makes the run's weights, all zero. Collective.
  func makeWeights(on world: borrowing Communicator) throws -> FlatVector
  /// Makes a vector, all zero, for gradients that are to be summed; ``reduce(_:shares:on:)`` takes no other. Collective.
  func makeGradient(on world: borrowing Communicator) throws -> FlatVector
  /// Fills the weights by a function that gives the same values on every rank. Collective.
  func fill(_ weights: inout FlatVector, on world: borrowing Communicator, with body: (inout FlatVector) throws -> Void) throws
  /// Gives every rank the weights that rank 0 has, `values` at rank 0 and nil elsewhere. Collective.
  func broadcast(_ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError)
  /// Gives every rank the weights that the others updated. Collective.
  func publish(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError)
}

extension GradientExchange {
  public var takesMicroBatches: Bool { false }
  public func prepare(for shares: [Range<Int>], on world: borrowing Communicator) throws {}
  public func add(_ gradient: inout FlatVector, microBatch: Int) { fatalError("this exchange takes whole gradients") }
  public var startsEarly: Bool { false }
  public func start(_ gradient: inout FlatVector, from position: Int) {}
  public func poll() {}
}

// Every rank has weights of its own.
extension GradientExchange {
  public var sharesWeights: Bool { false }

  public func fill(_ weights: inout FlatVector, on world: borrowing Communicator, with body: (inout FlatVector) throws -> Void) throws {
    try body(&weights)
  }

  public func broadcast(_ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    try weights.broadcast(from: values, on: world)
  }
}

extension FlatVector {
  /// Takes over the elements that rank 0 has, on every rank. Collective.
  public mutating func broadcast(from values: [Float]?, on world: borrowing Communicator) throws(MPIError) {
    if let values { values.withUnsafeBufferPointer { _ = set(0..<count, to: $0) } }
    var span = mutableElements
    try world.broadcast(&span)
  }
}

/// Every rank sums the whole gradient and updates all weights: one allreduce of 4·P bytes, or as many in buckets; nothing to publish.
public final class ReplicatedExchange: GradientExchange {
  public let owned: Range<Int>
  public let ownedParts: [TensorLayout.Part]
  public let updated: Range<Int>
  private let layout: TensorLayout
  private let buckets: GradientBuckets?

  /// `overlapping` says whether gradients are summed in buckets, which may leave early. Collective.
  public init(_ layout: TensorLayout, overlapping: Bool, on world: borrowing Communicator) throws(MPIError) {
    self.layout = layout
    owned = layout.slice(world.rank, of: world.size)
    ownedParts = layout.parts(of: owned)
    updated = 0..<layout.elementCount
    buckets =
      overlapping && world.size > 1
      ? try GradientBuckets(layout, gathers: true, on: world) : nil
  }

  public func makeWeights(on world: borrowing Communicator) -> FlatVector { FlatVector(zeros: layout) }
  public func makeGradient(on world: borrowing Communicator) -> FlatVector { buckets?.makeGradient() ?? FlatVector(zeros: layout) }

  public var startsEarly: Bool { buckets != nil }
  public func start(_ gradient: inout FlatVector, from position: Int) { buckets?.start(&gradient, from: position) }
  public func poll() { buckets?.poll() }

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

  public func publish(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {}
}

/// Every rank sums and updates its own slice alone: a reduce-scatter, at once or in buckets, then an all-gather of the weights, 4·P bytes each; the optimiser's
/// state is divided by the number of ranks (Rajbhandari et al. 2020, ZeRO stage 1, arXiv 1910.02054).
public final class ShardedExchange: GradientExchange {
  public let owned: Range<Int>
  public let ownedParts: [TensorLayout.Part]
  public var updated: Range<Int> { owned }
  private let counts: [Int]
  private let slice: UnsafeMutableBufferPointer<Float>
  private let layout: TensorLayout
  private let buckets: GradientBuckets?

  /// `overlapping` says whether gradients are summed in buckets, which may leave early. Collective.
  public init(_ layout: TensorLayout, overlapping: Bool, on world: borrowing Communicator) throws(MPIError) {
    self.layout = layout
    let size = world.size
    let slices = (0..<size).map { layout.slice($0, of: size) }
    owned = slices[world.rank]
    ownedParts = layout.parts(of: owned)
    counts = slices.map(\.count)
    if overlapping && size > 1 {
      slice = .allocate(capacity: 0)
      buckets = try GradientBuckets(
        layout, gathers: false, piece: { slices[$1].clamped(to: $0) }, on: world)
    } else {
      slice = .allocate(capacity: owned.count)
      slice.initialize(repeating: 0)
      buckets = nil
    }
  }

  deinit { slice.deallocate() }

  public func makeWeights(on world: borrowing Communicator) -> FlatVector { FlatVector(zeros: layout) }
  public func makeGradient(on world: borrowing Communicator) -> FlatVector { buckets?.makeGradient() ?? FlatVector(zeros: layout) }

  public var startsEarly: Bool { buckets != nil }
  public func start(_ gradient: inout FlatVector, from position: Int) { buckets?.start(&gradient, from: position) }
  public func poll() { buckets?.poll() }

  public func reduce(
    _ gradient: inout FlatVector, shares: [Range<Int>], on world: borrowing Communicator
  ) throws(MPIError) -> [Double]? {
    if world.size == 1 { return nil }
    if let buckets {
      try buckets.finish(&gradient)
      return gradient.squares(in: ownedParts)
    }
    var mine = MutableSpan(_unsafeElements: slice)
    try world.reduceScatter(gradient.elements, counts: counts, into: &mine, .sum)
    let start = owned.lowerBound
    return ownedParts.map { part in
      let place = part.range.lowerBound - start..<part.range.upperBound - start
      return gradient.set(part.range, to: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(slice)[place]))
    }
  }

  public func publish(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    if world.size == 1 { return }
    var elements = weights.mutableElements
    try world.allGather(inPlace: &elements, counts: counts)
  }
}
