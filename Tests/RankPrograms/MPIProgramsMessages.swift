import MPI

/// Messages in calls that return when they are done. A rank that is alone sends to itself where it
/// can.
let messageCases = [
  RankCase(sendsFirst: "send and receive") { ranks in
    try checkMessages(of: Float.self, on: ranks)
    try checkMessages(of: Double.self, on: ranks)
    try checkMessages(of: Int32.self, on: ranks)
    try checkMessages(of: Int.self, on: ranks)
    try checkMessages(of: UInt8.self, on: ranks)
  },
  RankCase(sendsFirst: "send and receive one value") { ranks in try checkSingleValues(on: ranks) },
  RankCase(sendsFirst: "receive from any source") { ranks in try checkAnySource(on: ranks) },
  RankCase(sendsFirst: "receive any tag") { ranks in try checkAnyTag(on: ranks) },
  RankCase(sendsFirst: "tags choose the message") { ranks in try checkTags(on: ranks) },
  RankCase(sendsFirst: "messages keep their order") { ranks in try checkOrder(on: ranks) },
  RankCase(sendsFirst: "empty messages") { ranks in try checkEmptyMessages(on: ranks) },
  RankCase(sendsFirst: "a message that is too long") { ranks in try checkTruncation(on: ranks) },
  RankCase(sendsFirst: "a message of another type") { ranks in try checkBrokenElements(on: ranks) },
  RankCase(sendsFirst: "send and receive in a ring") { ranks in try checkRing(on: ranks) },
  RankCase(sendsFirst: "receive a message of any length") { ranks in try checkArrays(on: ranks) },
  RankCase(sendsFirst: "probe") { ranks in try checkProbe(on: ranks) },
  RankCase(sendsFirst: "probe without waiting") { ranks in try checkProbeNow(on: ranks) },
  RankCase(sendsFirst: "messages of a duplicate") { ranks in try checkDuplicateMessages(on: ranks)
  },
]

/// The ranks that this one sends to and receives from, in a ring.
func neighbours(of ranks: borrowing Communicator) -> (next: Int, previous: Int) {
  ((ranks.rank + 1) % ranks.size, (ranks.rank + ranks.size - 1) % ranks.size)
}

func expectStatus(
  _ status: MessageStatus, from source: Int, tag: Int, count: Int, line: Int = #line
) throws {
  try expect(
    status.source == source && status.tag == tag && status.count == count,
    "\(status) where source \(source), tag \(tag), count \(count) were due", line: line)
}

/// From each rank to each other, short and long, into buffers that are as long or longer.
private func checkMessages<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for sender in 0..<size {
    for receiver in 0..<size where receiver != sender {
      for (tag, length) in [1, 3, 1000, 40_000].enumerated() {
        let sent: [Element] = elements(sender, length, from: receiver)
        if rank == sender { try ranks.send(sent.span, to: receiver, tag: tag) }
        guard rank == receiver else { continue }
        let room = tag % 2
        var values = [Element](repeating: 99, count: length + room)
        var span = values.mutableSpan
        let status = try ranks.receive(&span, from: sender, tag: tag)
        try expectStatus(status, from: sender, tag: tag, count: length)
        try expect(
          values == sent + [Element](repeating: 99, count: room),
          "\(length) \(type) from \(sender) to \(receiver)")
      }
    }
  }
}

private func checkSingleValues(on ranks: borrowing Communicator) throws {
  for sender in 0..<ranks.size {
    for receiver in 0..<ranks.size where receiver != sender {
      if ranks.rank == sender {
        try ranks.send(UInt64.max - UInt64(sender), to: receiver, tag: 3)
        try ranks.send(ValueAndRank(.infinity, at: -7), to: receiver, tag: 4)
      }
      guard ranks.rank == receiver else { continue }
      var number: UInt64 = 0
      let status = try ranks.receive(&number, from: sender, tag: 3)
      try expectStatus(status, from: sender, tag: 3, count: 1)
      try expect(number == UInt64.max - UInt64(sender), "\(number) from \(sender)")
      var located = ValueAndRank(0, at: 0)
      try ranks.receive(&located, from: sender, tag: .any)
      try expect(located == ValueAndRank(.infinity, at: -7), "\(located) from \(sender)")
    }
  }
}

/// Rank 0 takes one message of each other rank, in whatever order they come.
private func checkAnySource(on ranks: borrowing Communicator) throws {
  let size = ranks.size
  if ranks.rank > 0 {
    let mine: [Float] = elements(ranks.rank, 10 * ranks.rank)
    try ranks.send(mine.span, to: 0, tag: 5)
  } else {
    var seen: Set<Int> = []
    for _ in 1..<max(size, 1) {
      var values = [Float](repeating: 0, count: 10 * size)
      var span = values.mutableSpan
      let status = try ranks.receive(&span, from: .any, tag: 5)
      seen.insert(status.source)
      try expectStatus(status, from: status.source, tag: 5, count: 10 * status.source)
      try expect(
        Array(values.prefix(status.count)) == elements(status.source, status.count),
        "the message of rank \(status.source)")
    }
    try expect(seen == Set(1..<max(size, 1)), "messages of \(seen)")
  }
  try ranks.barrier()
}

private func checkAnyTag(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  let tags = [3, 0, 32_767]
  for tag in tags {
    // Short enough to leave before it is asked for.
    try ranks.send([Int64(tag), Int64(ranks.rank)].span, to: next, tag: tag)
  }
  for (position, tag) in tags.enumerated() {
    var values: [Int64] = [0, 0]
    var span = values.mutableSpan
    let status =
      position == 1
      ? try ranks.receive(&span, from: .any, tag: .any)
      : try ranks.receive(&span, from: previous, tag: .any)
    try expectStatus(status, from: previous, tag: tag, count: 2)
    try expect(values == [Int64(tag), Int64(previous)], "\(values) under tag \(tag)")
  }
}

/// The message sent last is received first, by its tag.
private func checkTags(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  try ranks.send(1.5, to: next, tag: 1)
  try ranks.send(2.5, to: next, tag: 2)
  var (first, second) = (0.0, 0.0)
  try ranks.receive(&second, from: previous, tag: 2)
  try ranks.receive(&first, from: previous, tag: 1)
  try expect(first == 1.5 && second == 2.5, "\(first) under tag 1, \(second) under tag 2")
}

private func checkOrder(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  for number in 0..<100 { try ranks.send(Int32(number), to: next, tag: 6) }
  for number in 0..<100 {
    var value: Int32 = -1
    try ranks.receive(&value, from: previous, tag: 6)
    try expect(value == number, "message \(value) in place \(number)")
  }
}

private func checkEmptyMessages(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  let none: [Float] = []
  for _ in 0..<5 { try ranks.send(none.span, to: next, tag: 8) }
  var empty: [Float] = []
  var emptySpan = empty.mutableSpan
  var status = try ranks.receive(&emptySpan, from: previous, tag: 8)
  try expectStatus(status, from: previous, tag: 8, count: 0)
  var values: [Float] = [1, 2]
  var span = values.mutableSpan
  status = try ranks.receive(&span, from: .any, tag: .any)
  try expectStatus(status, from: previous, tag: 8, count: 0)
  try expect(values == [1, 2], "an empty message wrote \(values)")
  let array = try ranks.receiveArray(of: Float.self, from: previous, tag: 8)
  try expect(array.values.isEmpty, "an empty message gave \(array.values)")
  try expectStatus(array.status, from: previous, tag: 8, count: 0)
  try expectError("receive: an empty message of rank \(previous) for one element") {
    () throws(MPIError) in
    var value: Float = 0
    try ranks.receive(&value, from: previous, tag: 8)
  }
  status = try ranks.probe(for: Double.self, from: previous, tag: 8)
  try expectStatus(status, from: previous, tag: 8, count: 0)
  try ranks.receive(&emptySpan, from: previous, tag: 8)
}

/// Runs `receive` on the first elements of a longer buffer: it must throw that the message is
/// truncated, and leave the rest of the buffer as it is.
func expectTruncation(
  room: Int, line: Int = #line, _ receive: (inout MutableSpan<Float>) throws -> Void
) throws {
  // Room for what MPI may write past the buffer, so that it is found and nothing else is harmed.
  var values = [Float](repeating: 99, count: room + 150_000)
  var failure: MPIError?
  try values.withUnsafeMutableBufferPointer { buffer in
    var span = MutableSpan(
      _unsafeElements: UnsafeMutableBufferPointer(rebasing: buffer[..<room]))
    do { try receive(&span) } catch let error as MPIError { failure = error }
  }
  try expect(
    failure?.isTruncation == true, "\(failure.map { "\($0)" } ?? "no error") for a truncation",
    line: line)
  try expect(values[room...].allSatisfy { $0 == 99 }, "written past the buffer", line: line)
}

/// Short messages, which are there before they are asked for, and long ones, which are not.
private func checkTruncation(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  for (length, room) in [(5, 3), (5, 0), (3000, 2999), (100_000, 10), (100_000, 0)] {
    let sent: [Float] = elements(ranks.rank, length)
    let sending = try ranks.startSend(sent.span, to: next, tag: 9)
    let received = Result {
      try expectTruncation(room: room) { try ranks.receive(&$0, from: previous, tag: 9) }
    }
    try sending.wait()
    try received.get()
    try expectTruncation(room: room) {
      try ranks.sendReceive(sent.span, to: next, tag: 9, into: &$0, from: previous, tag: 9)
    }
  }
  try ranks.send(sent(2).span, to: next, tag: 9)
  do {
    var value: Float = 0
    try ranks.receive(&value, from: previous, tag: 9)
    try expect(false, "one value of a message of two")
  } catch let error as MPIError {
    let wanted =
      "receive: a message of 2 elements of rank \(previous) with tag 9 for a buffer of 1"
    try expect(error.isTruncation && error.description == wanted, "\(error) for a truncation")
  }
  // What comes after is whole.
  var value = 0.0
  try ranks.send(7.0, to: next, tag: 9)
  try ranks.receive(&value, from: previous, tag: 9)
  try expect(value == 7, "\(value) after truncated messages")
}

private func sent(_ count: Int) -> [Float] { elements(0, count) }

private func checkBrokenElements(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  let wanted =
    "the message of rank \(previous) with tag 2 is no whole number of elements of this type, or "
    + "more than MPI counts"
  // The first is thrown away, the second stays.
  for _ in 0..<2 { try ranks.send([UInt8](repeating: 1, count: 6).span, to: next, tag: 2) }
  try expectError("receive: " + wanted) { () throws(MPIError) in
    var values: [Float] = [0, 0, 0]
    var span = values.mutableSpan
    try ranks.receive(&span, from: previous, tag: 2)
  }
  try expectError("probe: " + wanted) { () throws(MPIError) in
    _ = try ranks.probe(for: Float.self, from: previous, tag: 2)
  }
  let bytes = try ranks.receiveArray(of: UInt8.self, from: previous, tag: 2)
  try expect(bytes.values == [1, 1, 1, 1, 1, 1], "\(bytes.values) where six ones were sent")
}

/// Every shift of the ring, this rank itself included; what is sent and what is received differ in
/// type and length.
private func checkRing(on ranks: borrowing Communicator) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for shift in 0..<size {
    let (next, previous) = ((rank + shift) % size, (rank + size - shift) % size)
    for length in [0, 1, 1000, 100_000] {
      let mine: [Double] = elements(rank, length + rank)
      var theirs = [Double](repeating: 99, count: length + size)
      var span = theirs.mutableSpan
      let status = try ranks.sendReceive(
        mine.span, to: next, tag: shift, into: &span, from: previous, tag: shift)
      try expectStatus(status, from: previous, tag: shift, count: length + previous)
      try expect(
        Array(theirs.prefix(status.count)) == elements(previous, status.count),
        "\(length) elements by \(shift)")
    }
  }
  // Meets the calls of others, too, with another type each way.
  if rank == 0 && size > 1 {
    var bytes: [UInt8] = [0, 0]
    var span = bytes.mutableSpan
    let status = try ranks.sendReceive(
      [1.5].span, to: 1, tag: 1, into: &span, from: 1, tag: .any)
    try expectStatus(status, from: 1, tag: 2, count: 2)
    try expect(bytes == [3, 4], "\(bytes) of rank 1")
  } else if rank == 1 {
    var value = 0.0
    try ranks.receive(&value, from: 0, tag: 1)
    try expect(value == 1.5, "\(value) of rank 0")
    try ranks.send([3, 4] as [UInt8], to: 0, tag: 2)
  }
}

private func checkArrays(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  for length in [0, 1, 777, 100_000] {
    let mine: [Int64] = elements(ranks.rank, length)
    let sending = try ranks.startSend(mine.span, to: next, tag: 3)
    let received = try ranks.receiveArray(of: Int64.self, from: .any, tag: 3)
    try sending.wait()
    try expectStatus(received.status, from: previous, tag: 3, count: length)
    try expect(received.values == elements(previous, length), "an array of \(length)")
  }
}

private func checkProbe(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  for (tag, length) in [4, 50_000].enumerated() {
    let mine: [Double] = elements(ranks.rank, length + ranks.rank)
    let sending = try ranks.startSend(mine.span, to: next, tag: tag)
    // Twice, because looking does not take it.
    for _ in 0..<2 {
      let seen = try ranks.probe(for: Double.self, from: .any, tag: tag)
      try expectStatus(seen, from: previous, tag: tag, count: length + previous)
    }
    let asBytes = try ranks.probe(for: UInt8.self, from: previous, tag: .any)
    try expectStatus(asBytes, from: previous, tag: tag, count: 8 * (length + previous))
    var theirs = [Double](repeating: 0, count: length + previous)
    var span = theirs.mutableSpan
    try ranks.receive(&span, from: previous, tag: tag)
    try sending.wait()
    try expect(theirs == elements(previous, length + previous), "what was probed")
  }
}

private func checkProbeNow(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  let early = try ranks.probeNow(for: Float.self, from: .any, tag: 77)
  try expect(early == nil, "a message that none has sent: \(String(describing: early))")
  // Only now may any rank send.
  try ranks.barrier()
  try ranks.send([1, 2, 3] as [Float], to: next, tag: 77)
  var seen: MessageStatus?
  while seen == nil { seen = try ranks.probeNow(for: Float.self, from: .any, tag: 77) }
  try expectStatus(seen!, from: previous, tag: 77, count: 3)
  let other = try ranks.probeNow(for: Float.self, from: previous, tag: 78)
  try expect(other == nil, "a message with another tag: \(String(describing: other))")
  let received = try ranks.receiveArray(of: Float.self, from: previous, tag: 77)
  try expect(received.values == [1, 2, 3], "\(received.values)")
}

/// The same tag in two communicators of the same ranks.
private func checkDuplicateMessages(on ranks: borrowing Communicator) throws {
  let (next, previous) = neighbours(of: ranks)
  let copy = try ranks.duplicate()
  try ranks.send(1.0, to: next, tag: 0)
  try copy.send(2.0, to: next, tag: 0)
  var (mine, theirs) = (0.0, 0.0)
  try copy.receive(&theirs, from: .any, tag: .any)
  try ranks.receive(&mine, from: .any, tag: .any)
  try expect(mine == 1 && theirs == 2, "\(mine) in the original, \(theirs) in the duplicate")
  let none = try copy.probeNow(for: Double.self, from: previous, tag: .any)
  try expect(none == nil, "\(String(describing: none)) is left")
  try copy.free()
}

extension Communicator {
  /// An array that is not needed afterwards.
  fileprivate borrowing func send<Element: Datatype>(
    _ values: [Element], to destination: Int, tag: Int
  ) throws(MPIError) {
    try send(values.span, to: destination, tag: tag)
  }
}
