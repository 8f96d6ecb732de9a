/// Which rank gets which part of a global batch: contiguous parts in rank order, disjoint, together
/// the whole.
public struct Partition: Sendable, Equatable {
  /// What is dealt: so many samples at a time, the last of a batch holding what is left.
  private let unit: Int
  /// Each rank's share, in proportion; nil for equal ones.
  private let weights: [Int]?

  private init(unit: Int, weights: [Int]?) {
    precondition(unit > 0, "a micro-batch holds at least one sample")
    (self.unit, self.weights) = (unit, weights)
  }

  /// Single samples are dealt: parts differ by at most one sample, the first ranks have the larger
  /// ones.
  public static let bySample = Partition(unit: 1, weights: nil)

  /// Whole micro-batches are dealt, micro-batch j being [j·size, min((j+1)·size, batch)) at any
  /// rank count, so that a sum over micro-batches can be the same at any rank count. Parts differ
  /// by at most one micro-batch.
  public static func byMicroBatch(size: Int) -> Partition { Partition(unit: size, weights: nil) }

  /// The same, but parts in the proportion of `weights`, one a rank: for ranks of unequal speed, or
  /// on purpose unequal shares.
  public func inProportion(_ weights: [Int]?) -> Partition {
    Partition(unit: unit, weights: weights)
  }

  /// A rank's part of a global batch, as positions in it; empty when there are more ranks than
  /// things to deal.
  public func share(of batch: Int, rank: Int, ranks: Int) -> Range<Int> {
    precondition(
      batch >= 0 && rank >= 0 && rank < ranks,
      "rank \(rank) of \(ranks) has no share of \(batch) samples")
    precondition(weights.map { $0.count == ranks } ?? true, "\(ranks) ranks need as many weights")
    let dealt = (batch + unit - 1) / unit
    let (start, end) = (
      first(of: rank, ranks: ranks, dealt: dealt), first(of: rank + 1, ranks: ranks, dealt: dealt)
    )
    return min(start * unit, batch)..<min(end * unit, batch)
  }

  /// How many of the things dealt the ranks before this one get.
  private func first(of rank: Int, ranks: Int, dealt: Int) -> Int {
    guard let weights else {
      let (each, extra) = dealt.quotientAndRemainder(dividingBy: ranks)
      return rank * each + min(rank, extra)
    }
    let (before, all) = (weights[..<rank].reduce(0, +), weights.reduce(0, +))
    return (dealt * before + all / 2) / all
  }

  /// A share cut from its start into micro-batches of `size` samples, the last one holding what is
  /// left.
  public static func microBatches(in share: Range<Int>, size: Int) -> [Range<Int>] {
    precondition(size > 0, "a micro-batch holds at least one sample")
    return stride(from: share.lowerBound, to: share.upperBound, by: size).map {
      $0..<min($0 + size, share.upperBound)
    }
  }
}
