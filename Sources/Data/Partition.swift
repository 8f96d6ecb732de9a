/// Which rank gets which part of a global batch: contiguous parts in rank order, disjoint, together the whole.
public enum Partition: Sendable, Equatable {
  /// Single samples are dealt: parts differ by at most one sample, the first ranks have the larger ones.
  case bySample
  /// Whole micro-batches are dealt, micro-batch j being [j·size, min((j+1)·size, batch)) at any rank count, so that a sum over
  /// micro-batches can be the same at any rank count. Parts differ by at most one micro-batch.
  case byMicroBatch(size: Int)

  /// A rank's part of a global batch, as positions in it; empty when there are more ranks than things to deal.
  public func share(of batch: Int, rank: Int, ranks: Int) -> Range<Int> {
    precondition(batch >= 0 && rank >= 0 && rank < ranks, "rank \(rank) of \(ranks) has no share of \(batch) samples")
    let size = unit
    let dealt = (batch + size - 1) / size
    let (each, extra) = dealt.quotientAndRemainder(dividingBy: ranks)
    let start = rank * each + min(rank, extra)
    let end = start + each + (rank < extra ? 1 : 0)
    return min(start * size, batch)..<min(end * size, batch)
  }

  /// A share cut from its start into micro-batches of `size` samples, the last one holding what is left.
  public static func microBatches(in share: Range<Int>, size: Int) -> [Range<Int>] {
    precondition(size > 0, "a micro-batch holds at least one sample")
    return stride(from: share.lowerBound, to: share.upperBound, by: size).map { $0..<min($0 + size, share.upperBound) }
  }

  private var unit: Int {
    guard case .byMicroBatch(let size) = self else { return 1 }
    precondition(size > 0, "a micro-batch holds at least one sample")
    return size
  }
}
