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
    _ slice: GlobalBatches.BatchRange, _ partition: Partition, _ cut: MicroBatchCut, rank: Int,
    ranks: Int
  ) {
    let count = slice.positions.count
    self.slice = slice
    self.rank = rank
    let all = (0..<ranks).map { partition.share(of: count, rank: $0, ranks: ranks) }
    mine = all[rank]
    microBatches = cut.microBatches(in: mine)
    microBatchRanges = cut.numbers(of: all)
    let first = slice.positions.lowerBound
    positions = all.map { first + $0.lowerBound..<first + $0.upperBound }
  }

  /// The samples of all ranks.
  var total: Int { slice.positions.count }
  /// The number of this rank's first micro-batch within the global batch.
  var firstMicroBatch: Int { microBatchRanges[rank].lowerBound }
}

/// How a rank's samples are cut into micro-batches.
struct MicroBatchCut {
  /// Samples of each but the last.
  let size: Int
  /// The fewest samples of the last; fewer join the one before.
  let least: Int

  func microBatches(in share: Range<Int>) -> [Range<Int>] {
    Partition.microBatches(in: share, size: size, least: least)
  }

  /// The numbers, within the global batch, of the micro-batches that each share is made of.
  func numbers(of shares: [Range<Int>]) -> [Range<Int>] {
    var start = 0
    return shares.map { share in
      let count = microBatches(in: share).count
      defer { start += count }
      return start..<start + count
    }
  }
}
