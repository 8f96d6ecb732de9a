import CRankPrograms
import MPI

/// Calls that the binding must refuse.
let misuseCases = [
  RankCase("wrong counts") { world in try inStep(world) { try checkWrongCounts(on: $0) } },
  RankCase("wrong ranks") { world in try inStep(world) { try checkWrongRanks(on: $0) } },
  RankCase("wrong tags") { world in try inStep(world) { try checkWrongTags(on: $0) } },
  RankCase("wrong lengths") { world in try inStep(world) { try checkWrongLengths(on: $0) } },
  RankCase("counts past Int32") { world in try inStep(world) { try checkCountsPastInt32(on: $0) } },
]

/// Buffers past what one call takes, which are cut.
let longCases = [
  RankCase("long broadcast") { world in try checkLongBroadcast(on: world) },
  RankCase("long reductions") { world in
    try onRanks([1], of: world) { alone in try checkLongReductions(on: alone) }
  },
]

/// Nothing that is refused reaches MPI: afterwards the ranks are still in step.
private func inStep(
  _ world: borrowing Communicator, _ body: (borrowing Communicator) throws -> Void
) throws {
  try body(world)
  let ranks = try world.allReduce(Int32(1), .sum)
  try expect(Int(ranks) == world.size, "\(ranks) ranks answer after the refusals")
}

func expectError(_ wanted: String, line: Int = #line, _ body: () throws(MPIError) -> Void)
  throws
{
  do {
    try body()
  } catch {
    return try expect(
      error.description == wanted, "“\(error)” where “\(wanted)” was due", line: line)
  }
  try expect(false, "no error where “\(wanted)” was due", line: line)
}

private func checkWrongCounts(on world: borrowing Communicator) throws {
  let size = world.size
  var values = [Float](repeating: 0, count: 2 * size)
  var mine = [Float](repeating: 0, count: 2)
  let uneven = [Int](repeating: 2, count: size - 1) + [3]
  let negative = [Int](repeating: 3, count: size - 1) + [-1]
  let huge = [Int](repeating: .max, count: size)
  let right = [Int](repeating: 2, count: size)
  for (counts, text) in [
    (right + [0], "\(size + 1) counts for \(size) ranks"),
    (uneven, "counts add up to \(2 * size + 1), not \(2 * size)"),
    (negative, "-1 elements in one call; MPI counts from 0 to 2147483647"),
    (huge, "\(Int.max) elements in one call; MPI counts from 0 to 2147483647"),
  ] {
    try expectError("reduceScatter: " + text) { () throws(MPIError) in
      var span = mine.mutableSpan
      try world.reduceScatter(values.span, counts: counts, into: &span, .sum)
    }
    try expectError("reduceScatter: " + text) { () throws(MPIError) in
      var span = values.mutableSpan
      try world.reduceScatter(inPlace: &span, counts: counts, .sum)
    }
    try expectError("allGather: " + text) { () throws(MPIError) in
      var span = values.mutableSpan
      try world.allGather(inPlace: &span, counts: counts)
    }
  }
  for (sent, received, text) in [
    (uneven, right, "counts add up to \(2 * size + 1), not \(2 * size)"),
    (right, uneven, "counts add up to \(2 * size + 1), not \(2 * size)"),
    (right, right + [0], "\(size + 1) counts for \(size) ranks"),
    (negative, right, "-1 elements in one call; MPI counts from 0 to 2147483647"),
  ] {
    try expectError("allToAll: " + text) { () throws(MPIError) in
      var result = values
      var span = result.mutableSpan
      try world.allToAll(values.span, counts: sent, into: &span, received: received)
    }
  }
  for length in [-1, 0] {
    try expectError("RecordReduction: a record of \(length) values") { () throws(MPIError) in
      try RecordReduction(length: length) { _, _, _, _ in }.free()
    }
  }
  for count in [-1, Int.max] {
    try expectError("SharedWindow: \(count) elements") { () throws(MPIError) in
      try SharedWindow<Float>(on: world, count: count).free()
    }
  }
}

private func checkWrongRanks(on world: borrowing Communicator) throws {
  let size = world.size
  var values = [Float](repeating: 0, count: 2)
  for root in [-1, size, Int.max] {
    let text = "no rank \(root) among \(size)"
    try expectError("gather: " + text) { () throws(MPIError) in
      _ = try world.gather(values.span, to: root)
    }
    try expectError("gather: " + text) { () throws(MPIError) in
      var into = values
      var span = into.mutableSpan
      try world.gather(values.span, into: &span, to: root)
    }
    try expectError("scatter: " + text) { () throws(MPIError) in
      var into = values
      var span = into.mutableSpan
      try world.scatter(values.span, into: &span, from: root)
    }
    try expectError("scatter: " + text) { () throws(MPIError) in
      var into = values
      var span = into.mutableSpan
      try world.scatter(values.span, counts: [], into: &span, from: root)
    }
    try expectError("reduce: " + text) { () throws(MPIError) in
      var span = values.mutableSpan
      try world.reduce(&span, .sum, to: root)
    }
    try expectError("reduce: " + text) { () throws(MPIError) in
      _ = try world.reduce(1.0, .sum, to: root)
    }
    try checkMessageRefusals(to: root, tag: 0, text, on: world)
    try expectError("broadcast: " + text) { () throws(MPIError) in
      _ = try world.broadcast(values, from: root)
    }
    try expectError("broadcast: " + text) { () throws(MPIError) in
      var span = values.mutableSpan
      try world.broadcast(&span, from: root)
    }
    try expectError("startBroadcast: " + text) { () throws(MPIError) in
      var span = values.mutableSpan
      try world.startBroadcast(&span, from: root).wait()
    }
  }
  for color in [-1, 1 << 31] {
    try expectError("split: color \(color) is not within 0…2147483647") { () throws(MPIError) in
      try world.split(color: color).free()
    }
  }
  try expectError("split: key 2147483648 is not within -2147483648…2147483647") {
    () throws(MPIError) in
    try world.split(color: 0, key: 1 << 31).free()
  }
}

private func checkWrongLengths(on world: borrowing Communicator) throws {
  let size = world.size
  let values = [Float](repeating: 0, count: 2 * size)
  var short = [Float](repeating: 0, count: 1)
  try expectError("allReduce: \(2 * size) elements into a buffer of 1") { () throws(MPIError) in
    var span = short.mutableSpan
    try world.allReduce(values.span, into: &span, .sum)
  }
  try expectError("reduceScatter: a buffer of 1 elements for a piece of 2") { () throws(MPIError) in
    var span = short.mutableSpan
    try world.reduceScatter(
      values.span, counts: [Int](repeating: 2, count: size), into: &span, .sum)
  }
  try checkWrongLengthsAtRoot(on: world)
  let reduction = try RecordReduction(length: 3) { _, _, _, _ in }
  var record = [0.0]
  try expectError("allReduce: a record of 1 values where 3 were announced") { () throws(MPIError) in
    var span = record.mutableSpan
    try world.allReduce(record: &span, reduction)
  }
  var narrow: [Float] = [0, 0, 0]
  try expectError("allReduce: a record is made of values of 8 bytes") { () throws(MPIError) in
    var span = narrow.mutableSpan
    try world.allReduce(record: &span, reduction)
  }
  try reduction.free()
}

/// Each rank is the root of its own call, so that all refuse.
private func checkWrongLengthsAtRoot(on world: borrowing Communicator) throws {
  let (rank, size) = (world.rank, world.size)
  let values = [Float](repeating: 0, count: 2 * size)
  var other = [Float](repeating: 0, count: 2 * size + 1)
  try expectError("exclusiveScan: \(2 * size) elements into a buffer of \(2 * size + 1)") {
    () throws(MPIError) in
    var span = other.mutableSpan
    try world.exclusiveScan(values.span, into: &span, .sum)
  }
  try expectError("allToAll: \(2 * size) elements into a buffer of \(2 * size + 1)") {
    () throws(MPIError) in
    var span = other.mutableSpan
    try world.allToAll(values.span, into: &span)
  }
  if size > 1 {
    let odd = other
    try expectError(
      "allToAll: \(2 * size + 1) elements for \(size) ranks, which cannot get equally many"
    ) { () throws(MPIError) in
      var span = other.mutableSpan
      try world.allToAll(odd.span, into: &span)
    }
  }
  try expectError("gather: \(size) times \(2 * size) elements into a buffer of \(2 * size + 1)") {
    () throws(MPIError) in
    var span = other.mutableSpan
    try world.gather(values.span, into: &span, to: rank)
  }
  try expectError("scatter: \(2 * size) elements in \(size) pieces of \(2 * size + 1)") {
    () throws(MPIError) in
    var span = other.mutableSpan
    try world.scatter(values.span, into: &span, from: rank)
  }
  try expectError("scatter: a buffer of \(2 * size + 1) elements for a piece of 2") {
    () throws(MPIError) in
    var span = other.mutableSpan
    try world.scatter(
      values.span, counts: [Int](repeating: 2, count: size), into: &span, from: rank)
  }
  try expectError("scatter: counts add up to \(2 * size + 1), not \(2 * size)") {
    () throws(MPIError) in
    var span = other.mutableSpan
    try world.scatter(
      values.span, counts: [Int](repeating: 2, count: size - 1) + [3], into: &span, from: rank)
  }
}

/// Every call of one MPI call refuses what a 32-bit count cannot say. The memory is never
/// touched.
private func checkCountsPastInt32(on world: borrowing Communicator) throws {
  let tooMany = Int(Int32.max) + 1
  let (size, half) = (world.size, tooMany / 2)
  var memory = UntouchedMemory(byteCount: tooMany + size)
  let text = "\(tooMany) elements in one call; MPI counts from 0 to 2147483647"
  try expectError("allGather: " + text) { () throws(MPIError) in
    _ = try world.allGather(memory.bytes(tooMany))
  }
  try expectError("gather: " + text) { () throws(MPIError) in
    _ = try world.gather(memory.bytes(tooMany))
  }
  try expectError("startAllReduce: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.startAllReduce(&span, .sum).wait()
  }
  try expectError("startBroadcast: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.startBroadcast(&span).wait()
  }
  try checkLongMessages(tooMany, text, on: world)
  // Each length is a count here, and only their sum is none.
  if size > 1 {
    let share = (tooMany + size - 1) / size
    let sum = "\(share * size) elements in one call; MPI counts from 0 to 2147483647"
    try expectError("allGather: " + sum) { () throws(MPIError) in
      _ = try world.allGather(memory.bytes(share))
    }
    try expectError("gather: " + sum) { () throws(MPIError) in
      var span = MutableSpan<UInt8>()
      try world.gather(memory.bytes(share), into: &span)
    }
    try expectError("scatter: " + sum) { () throws(MPIError) in
      var span = memory.mutableBytes(share)
      try world.scatter(Span(), into: &span)
    }
  }
  let none = [Int](repeating: 0, count: size)
  for counts in [[half, half] + none, [tooMany, 0] + none].map({ Array($0[..<size]) })
  where counts.reduce(0, +) == tooMany {
    try expectError("allGather: " + text) { () throws(MPIError) in
      var span = memory.mutableBytes(tooMany)
      try world.allGather(inPlace: &span, counts: counts)
    }
    try expectError("reduceScatter: " + text) { () throws(MPIError) in
      var span = memory.mutableBytes(tooMany)
      try world.reduceScatter(inPlace: &span, counts: counts, .sum)
    }
    try expectError("reduceScatter: " + text) { () throws(MPIError) in
      var into = UntouchedMemory(byteCount: tooMany)
      var mine = into.mutableBytes(counts[world.rank])
      try world.reduceScatter(memory.bytes(tooMany), counts: counts, into: &mine, .sum)
    }
  }
}

private let longCount = (1 << 30) + 5

/// The five bytes past the first piece arrive in their own place.
private func checkLongBroadcast(on world: borrowing Communicator) throws {
  let isRoot = world.rank == 0
  var memory = RepeatingMemory(byteCount: longCount)
  if isRoot { memory.fill() }
  var span = memory.mutableBytes
  try world.broadcast(&span)
  try expect(memory.isFilled, "a broadcast of \(longCount) bytes")
}

private func checkLongReductions(on alone: borrowing Communicator) throws {
  // Alone and in place, MPI does nothing: what counts is what it was asked.
  let count = (4 << 30) + 7
  var untouched = UntouchedMemory(byteCount: count)
  let (calls, bytes) = (crp_allreduce_calls(), crp_allreduce_bytes())
  var all = untouched.mutableBytes(count)
  try alone.allReduce(&all, .sum)
  try expect(
    crp_allreduce_calls() - calls == 5, "\(crp_allreduce_calls() - calls) calls for \(count) bytes")
  try expect(
    crp_allreduce_bytes() - bytes == count,
    "\(crp_allreduce_bytes() - bytes) bytes reduced of \(count)")

  var given = RepeatingMemory(byteCount: longCount)
  var result = RepeatingMemory(byteCount: longCount)
  given.fill()
  var into = result.mutableBytes
  try alone.allReduce(given.bytes, into: &into, .sum)
  try expect(result.isFilled, "a reduction of \(longCount) bytes into another buffer")
}
