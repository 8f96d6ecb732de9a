import MPI

/// All-reduces in every form, element type and reduction, against sums and extremes that each rank
/// works out for itself.
func checkReductions(on ranks: borrowing Communicator) throws {
  try checkReductions(of: Float.self, lengths: [0, 1, 2, 129, 3000, 70_001], on: ranks)
  try checkReductions(of: Double.self, on: ranks)
  try checkReductions(of: Int32.self, on: ranks)
  try checkReductions(of: Int64.self, on: ranks)
  try checkReductions(of: Int.self, on: ranks)
  try checkReductions(of: UInt8.self, on: ranks)
  try checkReductions(of: UInt64.self, on: ranks)
}

/// Values that a type of the wrong width or sign would take for others.
func checkExtremes(on ranks: borrowing Communicator) throws {
  try checkExtremes(Float(-3.5e37), 3.4e38, on: ranks)
  try checkExtremes(Double(-1e300), 1e-300, on: ranks)
  try checkExtremes(Int32.min, Int32.max, on: ranks)
  try checkExtremes(Int64(1) << 53, (Int64(1) << 53) + 1, on: ranks)
  // MPICH 4.0 compares all as signed numbers.
  let hasUnsigned = !mpiLibraryVersion().hasPrefix("MPICH 4.0")
  try checkExtremes(UInt8(1), hasUnsigned ? 200 : 100, on: ranks)
  try checkExtremes(UInt64(1), hasUnsigned ? UInt64.max : UInt64.max / 2, on: ranks)
}

private func checkReductions<Element: Datatype & Numeric & Comparable>(
  of type: Element.Type, lengths: [Int] = [0, 1, 129, 3000], on ranks: borrowing Communicator
) throws {
  let kinds:
    [(name: String, reduction: Reduction<Element>, combine: (Element, Element) -> Element)] = [
      ("sum", .sum, { $0 + $1 }), ("minimum", .minimum, { min($0, $1) }),
      ("maximum", .maximum, { max($0, $1) }),
    ]
  for length in lengths {
    let given: [Element] = elements(ranks.rank, length)
    for (name, reduction, combine) in kinds {
      let wanted = (0..<length).map { position in
        (1..<ranks.size).reduce(element(0, position)) { combine($0, element($1, position)) }
      }
      try expectReduced(given, to: wanted, reduction, "\(name) of \(length) \(type)", on: ranks)
    }
  }
}

/// The same reduction in each of its forms.
private func expectReduced<Element: Datatype & Equatable>(
  _ given: [Element], to wanted: [Element], _ reduction: Reduction<Element>, _ name: String,
  on ranks: borrowing Communicator
) throws {
  var inPlace = given
  var inPlaceSpan = inPlace.mutableSpan
  try ranks.allReduce(&inPlaceSpan, reduction)
  try expect(inPlace == wanted, "\(name), in place")

  var apart = Array(given.reversed())
  var apartSpan = apart.mutableSpan
  try ranks.allReduce(given.span, into: &apartSpan, reduction)
  try expect(apart == wanted, "\(name), into another buffer")

  var started = given
  var startedSpan = started.mutableSpan
  try ranks.startAllReduce(&startedSpan, reduction).wait()
  try expect(started == wanted, "\(name), started")

  var tested = given
  var testedSpan = tested.mutableSpan
  var request = try ranks.startAllReduce(&testedSpan, reduction)
  while !request.test() {}
  try request.wait()
  try expect(tested == wanted, "\(name), started and tested until done")

  if let first = given.first {
    let single = try ranks.allReduce(first, reduction)
    try expect(single == wanted[0], "\(name), one value")
  }
}

/// The last rank gives the high value, the others the low one.
private func checkExtremes<Element: Datatype & AdditiveArithmetic & Comparable>(
  _ low: Element, _ high: Element, on ranks: borrowing Communicator
) throws {
  let mine = ranks.rank == ranks.size - 1 ? high : low
  let maximum = try ranks.allReduce(mine, .maximum)
  let minimum = try ranks.allReduce(mine, .minimum)
  try expect(maximum == high, "maximum of \(low) and \(high): \(maximum)")
  try expect(minimum == (ranks.size == 1 ? high : low), "minimum of \(low) and \(high): \(minimum)")
}

func checkLocations(on ranks: borrowing Communicator) throws {
  let size = ranks.size
  for length in [0, 1, 2, 500] {
    // Three values only, so that ranks tie nearly everywhere; locations that are not ranks, and not
    // in the ranks' order.
    func given(_ rank: Int, _ position: Int) -> ValueAndRank {
      let value = Double((rank * position) % 3)
      return ValueAndRank(
        position % 7 == 0 ? -.infinity : value, at: Int32((size - rank) * 1000 + position))
    }
    let wanted = (0..<length).map { position in
      (1..<size).map { given($0, position) }.reduce(given(0, position)) { best, next in
        if next.value != best.value { return next.value > best.value ? next : best }
        return next.location < best.location ? next : best
      }
    }
    let rank = ranks.rank
    let mine = (0..<length).map { given(rank, $0) }
    try expectReduced(
      mine, to: wanted, .maximumWithLocation, "maximum with location of \(length)", on: ranks)
  }
}

/// Several requests at once, waited for in another order than they were started.
func checkManyInFlight(on ranks: borrowing Communicator) throws {
  var a: [Float] = elements(ranks.rank, 5000)
  var b: [Int64] = elements(ranks.rank, 1)
  var c: [Double] = elements(ranks.rank, 20_000)
  var aSpan = a.mutableSpan
  var bSpan = b.mutableSpan
  var cSpan = c.mutableSpan
  let first = try ranks.startAllReduce(&aSpan, .sum)
  let second = try ranks.startAllReduce(&bSpan, .maximum)
  let third = try ranks.startBroadcast(&cSpan, from: ranks.size - 1)
  let meanwhile = try ranks.allReduce(Int32(ranks.rank), .sum)
  try third.wait()
  try first.wait()
  try second.wait()
  let size = ranks.size
  try expect(meanwhile == Int32(size * (size - 1) / 2), "a reduction while others are in flight")
  try expect(
    a == (0..<5000).map { position in (0..<size).reduce(0) { $0 + element($1, position) } },
    "the first in flight")
  try expect(b == [(0..<size).map { element($0, 0) }.max()!], "the second in flight")
  try expect(c == elements(size - 1, 20_000), "the third in flight")
}

/// Reduce-scatter of equal, unequal and empty pieces, in place and not.
func checkReduceScatter(on ranks: borrowing Communicator) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  let divisions: [[Int]] = [
    (0..<size).map { _ in 0 }, (0..<size).map { _ in 1 }, (0..<size).map { _ in 2500 },
    (0..<size).map { $0 * 3 % 5 },
    (0..<size).map { ($0 + 1) % 2 * 1001 }, (0..<size).map { $0 == size / 2 ? 4099 : 0 },
    (0..<size).map { 1 << $0 },
  ]
  for counts in divisions {
    try checkReduceScatter(of: Float.self, counts, .sum, { $0 + $1 }, on: ranks)
    try checkReduceScatter(of: Double.self, counts, .maximum, { max($0, $1) }, on: ranks)
    try checkReduceScatter(of: Int32.self, counts, .minimum, { min($0, $1) }, on: ranks)
    try checkReduceScatter(of: Int64.self, counts, .sum, { $0 + $1 }, on: ranks)
    try checkReduceScatter(of: UInt8.self, counts, .sum, { $0 + $1 }, on: ranks)
    try checkReduceScatter(of: UInt64.self, counts, .maximum, { max($0, $1) }, on: ranks)
  }
  // Pieces of records with locations, where the lowest rank wins every tie.
  let given = (0..<2 * size).map { ValueAndRank(Double($0), at: Int32(rank)) }
  var mine = [ValueAndRank(0, at: -1), ValueAndRank(0, at: -1)]
  var span = mine.mutableSpan
  try ranks.reduceScatter(
    given.span, counts: [Int](repeating: 2, count: size), into: &span, .maximumWithLocation)
  try expect(
    mine == [ValueAndRank(Double(2 * rank), at: 0), ValueAndRank(Double(2 * rank + 1), at: 0)],
    "reduce-scatter of locations")
}

private func checkReduceScatter<Element: Datatype & Numeric & Comparable>(
  of type: Element.Type, _ counts: [Int], _ reduction: Reduction<Element>,
  _ combine: (Element, Element) -> Element,
  on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  let start = counts[..<rank].reduce(0, +)
  let wanted = (start..<start + counts[rank]).map { position in
    (1..<size).reduce(element(0, position)) { combine($0, element($1, position)) }
  }
  let given: [Element] = elements(rank, counts.reduce(0, +))
  var mine = [Element](repeating: 0, count: counts[rank])
  var span = mine.mutableSpan
  try ranks.reduceScatter(given.span, counts: counts, into: &span, reduction)
  try expect(mine == wanted, "reduce-scatter of \(counts) \(type)")

  var inPlace = given
  var inPlaceSpan = inPlace.mutableSpan
  try ranks.reduceScatter(inPlace: &inPlaceSpan, counts: counts, reduction)
  try expect(
    Array(inPlace.prefix(counts[rank])) == wanted, "reduce-scatter of \(counts) \(type), in place")
}
