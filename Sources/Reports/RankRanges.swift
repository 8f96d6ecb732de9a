/// Rank numbers in words: `rank 3`, `ranks 0-3,7`.
public enum RankRanges {
  public static func text(_ ranks: some Sequence<Int>) -> String {
    let sorted = Set(ranks).sorted()
    var ranges: [ClosedRange<Int>] = []
    for rank in sorted {
      if let last = ranges.last, last.upperBound + 1 == rank {
        ranges[ranges.count - 1] = last.lowerBound...rank
      } else {
        ranges.append(rank...rank)
      }
    }
    let words = ranges.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }
    return (sorted.count == 1 ? "rank " : "ranks ") + words.joined(separator: ",")
  }
}
