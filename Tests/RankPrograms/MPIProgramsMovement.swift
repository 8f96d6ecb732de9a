import MPI

/// Gathers of equal and unequal lengths, in place and not, to every root.
func checkGathers(on ranks: borrowing Communicator) throws {
  try checkGathers(of: Float.self, on: ranks)
  try checkGathers(of: Double.self, on: ranks)
  try checkGathers(of: Int32.self, on: ranks)
  try checkGathers(of: Int64.self, on: ranks)
  try checkGathers(of: UInt8.self, on: ranks)
  try checkGathers(of: UInt64.self, on: ranks)
  let (rank, size) = (ranks.rank, ranks.size)
  let located = try ranks.allGather([ValueAndRank(Double(rank) / 3, at: Int32(-rank))].span)
  try expect(
    located == (0..<size).map { ValueAndRank(Double($0) / 3, at: Int32(-$0)) },
    "all-gather of locations")
  for root in 0..<size {
    let texts = try ranks.gather(text(rank), to: root)
    try expect(
      texts == (rank == root ? (0..<size).map { text($0) } : nil), "gather of texts to \(root)")
  }
}

/// Of every length and kind: none, one byte, many bytes a character, a zero byte within.
private func text(_ rank: Int) -> String {
  [
    "", "a", "Größe × Länge ≥ 3", "two\nlines", "🎓\u{0}end",
    String(repeating: "long ", count: 5000),
  ][rank % 6]
}

private func checkGathers<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for length in [0, 1, 3, 1000] {
    let mine: [Element] = elements(rank, length)
    let all = try ranks.allGather(mine.span)
    try expect(
      all == (0..<size).flatMap { rank -> [Element] in elements(rank, length) },
      "all-gather of \(length) \(type)")
  }
  for counts in [
    (0..<size).map { _ in 0 }, (0..<size).map { $0 * 3 % 5 },
    (0..<size).map { $0 == size - 1 ? 777 : 0 }, (0..<size).map { 2000 - $0 },
  ] {
    let every = (0..<size).map { rank -> [Element] in elements(rank, counts[rank], from: rank) }
    let mine = every[rank]
    for root in 0..<size {
      let gathered = try ranks.gather(mine.span, to: root)
      try expect(gathered == (rank == root ? every : nil), "gather of \(counts) \(type) to \(root)")
    }
    // Only this rank's piece is in its place; the rest is what no rank gives.
    var values = (0..<size).flatMap {
      $0 == rank ? every[$0] : [Element](repeating: 99, count: counts[$0])
    }
    var span = values.mutableSpan
    try ranks.allGather(inPlace: &span, counts: counts)
    try expect(values == every.flatMap { $0 }, "all-gather in place of \(counts) \(type)")
  }
}

/// All-to-all of pieces of equal and unequal lengths, and of none.
func checkAllToAll(on ranks: borrowing Communicator) throws {
  try checkAllToAll(of: Float.self, on: ranks)
  try checkAllToAll(of: Double.self, on: ranks)
  try checkAllToAll(of: Int32.self, on: ranks)
  try checkAllToAll(of: Int64.self, on: ranks)
  try checkAllToAll(of: UInt8.self, on: ranks)
  try checkAllToAll(of: UInt64.self, on: ranks)
}

private func checkAllToAll<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  // How many elements a rank sends to another.
  let divisions: [(Int, Int) -> Int] = [
    { _, _ in 0 }, { _, _ in 100 }, { ($0 * 2 + $1) % 4 }, { $0 == size - 1 ? 500 + $1 : 0 },
    { $1 == 0 ? $0 : 0 },
  ]
  for count in divisions {
    let given = (0..<size).flatMap { receiver -> [Element] in
      elements(rank, count(rank, receiver), from: receiver * 3)
    }
    let wanted = (0..<size).flatMap { sender -> [Element] in
      elements(sender, count(sender, rank), from: rank * 3)
    }
    let (counts, received) = (
      (0..<size).map { count(rank, $0) }, (0..<size).map { count($0, rank) }
    )
    var result = [Element](repeating: 99, count: wanted.count)
    var span = result.mutableSpan
    try ranks.allToAll(given.span, counts: counts, into: &span, received: received)
    try expect(result == wanted, "all-to-all of \(counts) \(type), receiving \(received)")
  }
}

/// All-to-all of pieces of one length.
func checkEqualAllToAll(on ranks: borrowing Communicator) throws {
  try checkEqualAllToAll(of: Float.self, on: ranks)
  try checkEqualAllToAll(of: Int.self, on: ranks)
  try checkEqualAllToAll(of: UInt8.self, on: ranks)
}

private func checkEqualAllToAll<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for length in [0, 1, 7, 5000] {
    let given = (0..<size).flatMap { receiver -> [Element] in
      elements(rank, length, from: receiver * 3)
    }
    let wanted = (0..<size).flatMap { sender -> [Element] in
      elements(sender, length, from: rank * 3)
    }
    var result = [Element](repeating: 99, count: wanted.count)
    var span = result.mutableSpan
    try ranks.allToAll(given.span, into: &span)
    try expect(result == wanted, "all-to-all of pieces of \(length) \(type)")
  }
}

/// Broadcasts from every root: in place, started, of arrays whose length only the root knows, of
/// texts.
func checkBroadcasts(on ranks: borrowing Communicator) throws {
  try checkBroadcasts(of: Float.self, on: ranks)
  try checkBroadcasts(of: Double.self, on: ranks)
  try checkBroadcasts(of: Int32.self, on: ranks)
  try checkBroadcasts(of: Int64.self, on: ranks)
  try checkBroadcasts(of: UInt8.self, on: ranks)
  try checkBroadcasts(of: UInt64.self, on: ranks)
  for root in 0..<ranks.size {
    for kind in 0..<6 {
      let sent = try ranks.broadcast(ranks.rank == root ? text(kind) : "not the root's", from: root)
      try expect(sent == text(kind), "broadcast of text \(kind) from \(root)")
    }
    let located = try ranks.broadcast(
      ranks.rank == root ? [ValueAndRank(.infinity, at: 7)] : [], from: root)
    try expect(located == [ValueAndRank(.infinity, at: 7)], "broadcast of a location from \(root)")
  }
}

private func checkBroadcasts<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let rank = ranks.rank
  for root in 0..<ranks.size {
    for length in [0, 1, 1000, 40_000] {
      let wanted: [Element] = elements(root, length)
      // What a rank holds before, which must all be gone after, unless it is the root's.
      let before = rank == root ? wanted : [Element](repeating: 99, count: length)
      var inPlace = before
      var inPlaceSpan = inPlace.mutableSpan
      try ranks.broadcast(&inPlaceSpan, from: root)
      try expect(inPlace == wanted, "broadcast of \(length) \(type) from \(root)")

      var started = before
      var startedSpan = started.mutableSpan
      var request = try ranks.startBroadcast(&startedSpan, from: root)
      while !request.test() {}
      try request.wait()
      try expect(started == wanted, "started broadcast of \(length) \(type) from \(root)")

      let array = try ranks.broadcast(
        rank == root ? wanted : [Element](repeating: 99, count: rank), from: root)
      try expect(array == wanted, "broadcast of an array of \(length) \(type) from \(root)")
    }
  }
}
