import Data

/// Which samples and micro-batches each rank has in a step.
struct StepBatches {
  let slice: GlobalBatches.BatchRange
  /// This rank's samples, as positions in the global batch, and their micro-batches.
  let mine: Range<Int>
  let microBatches: [Range<Int>]
  /// The numbers, within the global batch, of every rank's micro-batches.
  let microBatchRanges: [Range<Int>]
  /// Every rank's samples, as positions in the epoch's order.
  let positions: [Range<Int>]
  let rank: Int

  init(
    _ slice: GlobalBatches.BatchRange, _ partition: Partition, microBatch: Int, rank: Int,
    ranks: Int
  ) {
    let count = slice.positions.count
    self.slice = slice
    self.rank = rank
    let all = (0..<ranks).map { partition.share(of: count, rank: $0, ranks: ranks) }
    mine = all[rank]
    microBatches = Partition.microBatches(in: mine, size: microBatch)
    microBatchRanges = Self.microBatches(of: all, size: microBatch)
    let first = slice.positions.lowerBound
    positions = all.map { first + $0.lowerBound..<first + $0.upperBound }
  }

  /// The numbers, within the global batch, of the micro-batches that each share is made of.
  static func microBatches(of shares: [Range<Int>], size: Int) -> [Range<Int>] {
    var start = 0
    return shares.map { share in
      let count = (share.count + size - 1) / size
      defer { start += count }
      return start..<start + count
    }
  }

  /// The samples of all ranks.
  var total: Int { slice.positions.count }
  /// The number of this rank's first micro-batch within the global batch.
  var firstMicroBatch: Int { microBatchRanges[rank].lowerBound }
}
