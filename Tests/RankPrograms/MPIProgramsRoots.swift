import MPI

/// Collectives in which one rank gives or gets all.
let rootCases = [
  RankCase("reduce to a root") { ranks in
    try checkReduce(of: Float.self, .sum, { $0 + $1 }, on: ranks)
    try checkReduce(of: Double.self, .maximum, { max($0, $1) }, on: ranks)
    try checkReduce(of: Int32.self, .minimum, { min($0, $1) }, on: ranks)
    try checkReduce(of: Int.self, .sum, { $0 + $1 }, on: ranks)
    try checkReduce(of: UInt8.self, .sum, { $0 + $1 }, on: ranks)
  },
  RankCase("gather of equal pieces") { ranks in
    try checkEqualGather(of: Float.self, on: ranks)
    try checkEqualGather(of: UInt64.self, on: ranks)
    try checkEqualGather(of: UInt8.self, on: ranks)
  },
  RankCase("scatter of equal pieces") { ranks in
    try checkEqualScatter(of: Double.self, on: ranks)
    try checkEqualScatter(of: Int32.self, on: ranks)
    try checkEqualScatter(of: UInt8.self, on: ranks)
  },
  RankCase("scatter of unequal pieces") { ranks in
    try checkScatter(of: Float.self, on: ranks)
    try checkScatter(of: Int64.self, on: ranks)
    try checkScatter(of: UInt8.self, on: ranks)
  },
]

private func checkReduce<Element: Datatype & Numeric & Comparable>(
  of type: Element.Type, _ reduction: Reduction<Element>,
  _ combine: (Element, Element) -> Element, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for root in 0..<size {
    for length in [0, 1, 129, 30_000] {
      let given: [Element] = elements(rank, length)
      let wanted =
        rank != root
        ? given
        : (0..<length).map { position in
          (1..<size).reduce(element(0, position)) { combine($0, element($1, position)) }
        }
      var values = given
      var span = values.mutableSpan
      try ranks.reduce(&span, reduction, to: root)
      try expect(values == wanted, "reduce of \(length) \(type) to \(root)")
    }
    let single = try ranks.reduce(element(rank, 3) as Element, reduction, to: root)
    let wanted = (1..<size).reduce(element(0, 3)) { combine($0, element($1, 3)) } as Element
    try expect(single == (rank == root ? wanted : nil), "reduce of one \(type) to \(root)")
  }
}

private func checkEqualGather<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for root in 0..<size {
    for length in [0, 1, 1000] {
      let mine: [Element] = elements(rank, length)
      let isRoot = rank == root
      // Elsewhere the buffer is of any length, and keeps what it holds.
      var all = [Element](repeating: 99, count: isRoot ? length * size : rank)
      var span = all.mutableSpan
      try ranks.gather(mine.span, into: &span, to: root)
      let wanted =
        isRoot
        ? (0..<size).flatMap { elements($0, length) as [Element] }
        : [Element](repeating: 99, count: rank)
      try expect(all == wanted, "gather of \(length) \(type) to \(root)")
    }
  }
}

private func checkEqualScatter<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for root in 0..<size {
    for length in [0, 1, 1000] {
      let given = (0..<size).flatMap { elements($0 + root, length) as [Element] }
      var mine = [Element](repeating: 99, count: length)
      var span = mine.mutableSpan
      if rank == root {
        try ranks.scatter(given.span, into: &span, from: root)
      } else {
        try ranks.scatter(Span(), into: &span, from: root)
      }
      try expect(mine == elements(rank + root, length), "scatter of \(length) \(type) from \(root)")
    }
  }
}

private func checkScatter<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for root in 0..<size {
    for counts in [
      (0..<size).map { _ in 0 }, (0..<size).map { $0 * 3 % 5 }, (0..<size).map { 2000 - $0 },
      (0..<size).map { $0 == size - 1 ? 777 : 0 },
    ] {
      let given = (0..<size).flatMap { elements($0 + root, counts[$0]) as [Element] }
      var mine = [Element](repeating: 99, count: counts[rank])
      var span = mine.mutableSpan
      if rank == root {
        try ranks.scatter(given.span, counts: counts, into: &span, from: root)
      } else {
        try ranks.scatter(Span(), counts: [], into: &span, from: root)
      }
      try expect(
        mine == elements(rank + root, counts[rank]), "scatter of \(counts) \(type) from \(root)")
    }
  }
}
