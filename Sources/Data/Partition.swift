/// Which rank gets which part of a global batch: contiguous parts in rank order, disjoint, together
/// the whole.
public struct Partition: Sendable, Equatable {
  /// What is dealt: so many samples at a time, the last of a batch holding what is left.
  private let unit: Int
  /// The fewest samples that are dealt by themselves; fewer at the end of a batch go with those
  /// before them.
  private let least: Int
  /// Each rank's share, in proportion; nil for equal ones.
  private let weights: [Int]?

  private init(unit: Int, least: Int = 1, weights: [Int]? = nil) {
    precondition(unit > 0, "a micro-batch holds at least one sample")
    (self.unit, self.least, self.weights) = (unit, least, weights)
  }

  /// Single samples are dealt: parts differ by at most one sample, the first ranks have the larger
  /// ones.
  public static let bySample = Partition(unit: 1)

  /// Whole micro-batches are dealt, micro-batch j being [j·size, min((j+1)·size, batch)) at any
  /// rank count, so that a sum over micro-batches can be the same at any rank count. Parts differ
  /// by at most one micro-batch. A last one of fewer than `least` samples joins the one before.
  public static func byMicroBatch(size: Int, least: Int = 1) -> Partition {
    precondition(least <= size, "micro-batches of \(size) samples hold less than \(least)")
    return Partition(unit: size, least: least)
  }

  /// The same, but parts in the proportion of `weights`, one a rank: for ranks of unequal speed, or
  /// on purpose unequal shares.
  public func inProportion(_ weights: [Int]?) -> Partition {
    Partition(unit: unit, least: least, weights: weights)
  }

  /// A rank's part of a global batch, as positions in it; empty when there are more ranks than
  /// things to deal.
  public func share(of batch: Int, rank: Int, ranks: Int) -> Range<Int> {
    precondition(
      batch >= 0 && rank >= 0 && rank < ranks,
      "rank \(rank) of \(ranks) has no share of \(batch) samples")
    precondition(weights.map { $0.count == ranks } ?? true, "\(ranks) ranks need as many weights")
    let dealt = Self.count(of: batch, unit: unit, least: least)
    let (start, end) = (
      first(of: rank, ranks: ranks, dealt: dealt), first(of: rank + 1, ranks: ranks, dealt: dealt)
    )
    return (start == dealt ? batch : start * unit)..<(end == dealt ? batch : end * unit)
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

  /// How many units so many samples are.
  private static func count(of samples: Int, unit: Int, least: Int) -> Int {
    let (whole, rest) = samples.quotientAndRemainder(dividingBy: unit)
    return rest > 0 && (rest >= least || whole == 0) ? whole + 1 : whole
  }

  /// A share cut from its start into micro-batches of `size` samples, the last one holding what is
  /// left; less than `least` samples join the one before.
  public static func microBatches(in share: Range<Int>, size: Int, least: Int = 1) -> [Range<Int>] {
    precondition(size > 0, "a micro-batch holds at least one sample")
    let count = count(of: share.count, unit: size, least: least)
    return (0..<count).map { index in
      let start = share.lowerBound + index * size
      return start..<(index == count - 1 ? share.upperBound : start + size)
    }
  }
}
