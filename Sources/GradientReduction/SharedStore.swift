import MPI
import Vectors

/// Weights that the ranks of a node have between them: each writes its shard alone, and only after
/// a reduction, when no rank reads weights of others any more, and before the all-gather.
///
/// Between nodes they are gathered bucket by bucket, while the next forward pass computes.
final class SharedStore: ParameterStore {
  /// This rank's number among those of its node.
  private let place: Int
  private let updated: OwnedRanges
  /// Nil where there is one node.
  private let groups: NodeGroups?
  private let gathers: WeightGathers?

  /// `plan` is that of the column, where there are several nodes. Collective.
  init(
    place: Int, updating updated: OwnedRanges, between groups: NodeGroups? = nil,
    _ plan: BucketPlan? = nil
  ) throws(MPIError) {
    (self.place, self.updated, self.groups) = (place, updated, groups)
    gathers = if let groups, let plan { try WeightGathers(plan, groups) } else { nil }
  }

  var finishesAlone: Bool { gathers == nil }

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
    for range in updated.ranges { weights.copy(from: saved, in: range) }
  }

  func allGather(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    if world.size == 1 { return }
    guard let gathers else { return try world.meet() }
    try gathers.start(weights)
    _ = try gathers.advance(waitingBefore: .max)
  }

  func startAllGather(_ weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> Bool
  {
    guard let gathers else {
      try allGather(&weights, on: world)
      return false
    }
    try gathers.start(weights)
    return try gathers.advance(waitingBefore: 0)
  }

  func advance(waitingBefore position: Int) throws(MPIError) -> Bool {
    try gathers?.advance(waitingBefore: position) ?? false
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
