import MPI

/// Reductions over the ranks up to this one.
let scanCases = [
  RankCase("scan") { ranks in
    try checkScan(of: Float.self, .sum, { $0 + $1 }, on: ranks)
    try checkScan(of: Double.self, .maximum, { max($0, $1) }, on: ranks)
    try checkScan(of: Int32.self, .minimum, { min($0, $1) }, on: ranks)
    try checkScan(of: Int64.self, .sum, { $0 + $1 }, on: ranks)
    try checkScan(of: UInt8.self, .sum, { $0 + $1 }, on: ranks)
  },
  RankCase("exclusive scan") { ranks in
    try checkExclusiveScan(of: Float.self, .sum, { $0 + $1 }, on: ranks)
    try checkExclusiveScan(of: Double.self, .minimum, { min($0, $1) }, on: ranks)
    try checkExclusiveScan(of: Int.self, .sum, { $0 + $1 }, on: ranks)
    try checkExclusiveScan(of: UInt64.self, .maximum, { max($0, $1) }, on: ranks)
  },
  RankCase("scan gives each rank its place") { ranks in
    // Pieces of rank + 2 elements, one after another.
    let start = try ranks.exclusiveScan(ranks.rank + 2, .sum) ?? 0
    let end = try ranks.scan(ranks.rank + 2, .sum)
    try expect(end - start == ranks.rank + 2, "a piece from \(start) to \(end)")
    try expect(start == ranks.rank * (ranks.rank + 3) / 2, "a piece that starts at \(start)")
  },
]

/// The reduction over the ranks below `end`; it must have one.
private func prefix<Element: Numeric>(
  below end: Int, at position: Int, _ combine: (Element, Element) -> Element
) -> Element {
  (1..<end).reduce(element(0, position)) { combine($0, element($1, position)) }
}

private func checkScan<Element: Datatype & Numeric & Comparable>(
  of type: Element.Type, _ reduction: Reduction<Element>,
  _ combine: (Element, Element) -> Element, on ranks: borrowing Communicator
) throws {
  let rank = ranks.rank
  for length in [0, 1, 129, 30_000] {
    var values: [Element] = elements(rank, length)
    var span = values.mutableSpan
    try ranks.scan(&span, reduction)
    let wanted = (0..<length).map { prefix(below: rank + 1, at: $0, combine) }
    try expect(values == wanted, "scan of \(length) \(type)")
  }
  let single = try ranks.scan(element(rank, 5) as Element, reduction)
  try expect(single == prefix(below: rank + 1, at: 5, combine), "scan of one \(type)")
}

private func checkExclusiveScan<Element: Datatype & Numeric & Comparable>(
  of type: Element.Type, _ reduction: Reduction<Element>,
  _ combine: (Element, Element) -> Element, on ranks: borrowing Communicator
) throws {
  let rank = ranks.rank
  for length in [0, 1, 129, 30_000] {
    let given: [Element] = elements(rank, length)
    var result = [Element](repeating: 99, count: length)
    var span = result.mutableSpan
    try ranks.exclusiveScan(given.span, into: &span, reduction)
    let wanted = (0..<length).map { rank == 0 ? 99 : prefix(below: rank, at: $0, combine) }
    try expect(result == wanted, "exclusive scan of \(length) \(type)")
  }
  let single = try ranks.exclusiveScan(element(rank, 5) as Element, reduction)
  try expect(
    single == (rank == 0 ? nil : prefix(below: rank, at: 5, combine)),
    "exclusive scan of one \(type)")
}
