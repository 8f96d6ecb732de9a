import MPI
import Vectors

/// Weights that the ranks of a node have between them: each writes its shard alone, and only after
/// a reduction, when no rank reads weights of others any more, and before the all-gather.
final class SharedStore: ParameterStore {
  /// This rank's number among those of its node.
  private let place: Int
  private let updateRange: Range<Int>
  /// What the ranks with this place update, each on its node, and the lengths of their shards; nil
  /// groups where there is one node.
  private let column: Range<Int>
  private let counts: [Int]
  private let groups: NodeGroups?

  init(
    place: Int, updating updateRange: Range<Int>, column: Range<Int>, counts: [Int],
    groups: NodeGroups?
  ) {
    (self.place, self.updateRange, self.column) = (place, updateRange, column)
    (self.counts, self.groups) = (counts, groups)
  }

  func fill(
    _ weights: inout FlatVector, on world: borrowing Communicator,
    with body: (inout FlatVector) throws -> Void
  ) throws {
    try meet(groups, on: world)
    if place == 0 { try body(&weights) }
    try meet(groups, on: world)
  }

  func broadcast(
    _ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator
  ) throws(MPIError) {
    try meet(groups, on: world)
    // Rank 0 of the world has place 0.
    if place == 0 {
      if let values {
        values.withUnsafeBufferPointer { _ = weights.set(0..<weights.count, to: $0) }
      }
      if let groups {
        var span = weights.mutableElements
        try groups.column.broadcast(&span)
      }
    }
    try meet(groups, on: world)
  }

  func restore(_ weights: inout FlatVector, from saved: borrowing FlatVector) {
    weights.copy(from: saved, in: updateRange)
  }

  func allGather(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    if world.size == 1 { return }
    if let groups {
      var elements = MutableSpan(
        _unsafeStart: weights.base + column.lowerBound, count: column.count)
      try groups.column.allGather(inPlace: &elements, counts: counts)
    }
    try meet(groups, on: world)
  }
}

/// Where there are several nodes: the ranks of this one, and those with the same place on each.
final class NodeGroups {
  let node: Communicator
  let column: Communicator

  init(node: consuming Communicator, column: consuming Communicator) {
    self.node = node
    self.column = column
  }
}

/// Waits for the ranks of this node, all of `world` where there are no groups; what each wrote
/// before, all see after.
func meet(_ groups: NodeGroups?, on world: borrowing Communicator) throws(MPIError) {
  if let groups { try groups.node.meet() } else { try world.meet() }
}
