import Vectors

/// What of a model's flat vector one rank measures, and what it updates: the value that a reducer,
/// its parameter store and the updater share.
public struct ParameterPartition: Sendable {
  /// A run of neighbouring elements of one tensor, and whether it lies in the shard.
  public typealias UpdatePart = (part: TensorLayout.Part, isInShard: Bool)

  /// The slice whose squares this rank gives to the ledger. The ranks' shards are disjoint and
  /// cover the vector.
  public let shard: Range<Int>
  /// The part of the weights, and of the optimiser's state, that this rank updates: its shard, or
  /// everything.
  public let updateRange: Range<Int>
  /// Whether sums are made tile by tile and micro-batch by micro-batch, so that they have the same
  /// bits at any number of ranks.
  public let isByTile: Bool
  /// The shard, cut at the borders of tensors or of tiles.
  public let shardParts: [TensorLayout.Part]
  /// The update range, cut in the same way; no part crosses the shard's borders.
  public let updateParts: [UpdatePart]

  /// - Precondition: the update range holds the shard.
  public init(
    _ layout: TensorLayout, shard: Range<Int>, updating updateRange: Range<Int>,
    byTile: Bool = false
  ) {
    precondition(
      updateRange.lowerBound <= shard.lowerBound && shard.upperBound <= updateRange.upperBound,
      "a rank updates \(updateRange), which does not hold its shard \(shard)")
    func parts(of range: Range<Int>) -> [TensorLayout.Part] {
      byTile ? layout.tiles(of: range) : layout.parts(of: range)
    }
    (self.shard, self.updateRange, isByTile) = (shard, updateRange, byTile)
    shardParts = parts(of: shard)
    let before = updateRange.lowerBound..<shard.lowerBound
    let after = shard.upperBound..<updateRange.upperBound
    updateParts = [before, shard, after].flatMap { range in
      parts(of: range).map { ($0, range == shard) }
    }
  }

  /// Every rank updates its shard alone.
  public static func sharded(
    _ layout: TensorLayout, rank: Int, of size: Int, byTile: Bool = false
  ) -> ParameterPartition {
    let shard = layout.slice(rank, of: size)
    return ParameterPartition(layout, shard: shard, updating: shard, byTile: byTile)
  }

  /// Every rank updates everything.
  public static func replicated(
    _ layout: TensorLayout, rank: Int, of size: Int, byTile: Bool = false
  ) -> ParameterPartition {
    ParameterPartition(
      layout, shard: layout.slice(rank, of: size), updating: 0..<layout.elementCount,
      byTile: byTile)
  }
}
