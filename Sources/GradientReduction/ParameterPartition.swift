import Vectors

/// What of a model's flat vector one rank measures, and what it updates: the value that a reducer,
/// its parameter store and the updater share.
public struct ParameterPartition: Sendable {
  /// A run of neighbouring elements of one tensor, and whether it lies in the shard.
  public typealias UpdatePart = (part: TensorLayout.Part, isInShard: Bool)

  /// What this rank gives to the ledger the squares of. The ranks' shards are disjoint and cover
  /// the vector.
  public let shard: OwnedRanges
  /// The part of the weights, and of the optimiser's state, that this rank updates: its shard, or
  /// everything.
  public let updated: OwnedRanges
  /// Whether sums are made tile by tile and micro-batch by micro-batch, so that they have the same
  /// bits at any number of ranks.
  public let isByTile: Bool
  /// The shard, cut at the borders of tensors or of tiles.
  public let shardParts: [TensorLayout.Part]
  /// What is updated, cut in the same way; no part crosses the shard's borders.
  public let updateParts: [UpdatePart]

  /// - Precondition: what is updated holds the shard.
  public init(
    _ layout: TensorLayout, shard: OwnedRanges, updating updated: OwnedRanges, byTile: Bool = false
  ) {
    precondition(
      shard.ranges.allSatisfy(updated.contains),
      "a rank updates \(updated.ranges), which does not hold its shard \(shard.ranges)")
    func parts(of range: Range<Int>) -> [TensorLayout.Part] {
      byTile ? layout.tiles(of: range) : layout.parts(of: range)
    }
    var updateParts: [UpdatePart] = []
    for range in updated.ranges {
      var start = range.lowerBound
      for own in shard.ranges where own.overlaps(range) {
        updateParts += parts(of: start..<own.lowerBound).map { ($0, false) }
        updateParts += parts(of: own).map { ($0, true) }
        start = own.upperBound
      }
      updateParts += parts(of: start..<range.upperBound).map { ($0, false) }
    }
    (self.shard, self.updated, isByTile) = (shard, updated, byTile)
    shardParts = shard.ranges.flatMap(parts)
    self.updateParts = updateParts
  }

  /// One contiguous shard, which this rank updates alone.
  init(_ layout: TensorLayout, shard: Range<Int>, byTile: Bool = false) {
    self.init(layout, shard: OwnedRanges(shard), updating: OwnedRanges(shard), byTile: byTile)
  }

  /// Every rank updates its shard alone.
  public static func sharded(
    _ layout: TensorLayout, rank: Int, of size: Int, byTile: Bool = false
  ) -> ParameterPartition {
    ParameterPartition(layout, shard: layout.slice(rank, of: size), byTile: byTile)
  }

  /// Every rank updates everything.
  public static func replicated(
    _ layout: TensorLayout, rank: Int, of size: Int, byTile: Bool = false
  ) -> ParameterPartition {
    ParameterPartition(
      layout, shard: OwnedRanges(layout.slice(rank, of: size)),
      updating: OwnedRanges(0..<layout.elementCount), byTile: byTile)
  }
}
