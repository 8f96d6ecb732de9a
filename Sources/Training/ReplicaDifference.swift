/// Ranks whose weights differ, though all should hold the same: found by a digest from each.
struct ReplicaDifference: Equatable {
  let ranks: Int
  /// The ranks that differ from what more than half of all hold; nil where no such majority is.
  let odd: [Int]?

  /// Nil where all agree.
  init?(_ digests: [UInt64]) {
    var counts: [UInt64: Int] = [:]
    for digest in digests { counts[digest, default: 0] += 1 }
    if counts.count <= 1 { return nil }
    ranks = digests.count
    odd = counts.first { 2 * $0.value > digests.count }.map { common in
      digests.indices.filter { digests[$0] != common.key }
    }
  }

  var text: String {
    guard let odd else {
      return
        "the \(ranks) ranks hold different weights, and no version is that of a majority; restart from a checkpoint"
    }
    let names = odd.map(String.init).joined(separator: ", ")
    return odd.count == 1
      ? "rank \(names) holds other weights than the majority of \(ranks) ranks; restart from a checkpoint, and look at that machine"
      : "ranks \(names) hold other weights than the majority of \(ranks) ranks; restart from a checkpoint, and look at those machines"
  }
}
