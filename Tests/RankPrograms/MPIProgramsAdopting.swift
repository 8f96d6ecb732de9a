import CRankPrograms
import MPI

/// Communicators that C code made and owns.
let adoptingCases = [
  RankCase("a borrowed communicator is not freed") { ranks in try checkBorrowed(on: ranks) },
  RankCase(sendsFirst: "a duplicated communicator is freed") { ranks in
    try checkDuplicated(on: ranks)
  },
  RankCase(sendsFirst: "a borrowed communicator's errors") { ranks in
    try checkErrorHandler(on: ranks)
  },
  RankCase(sendsFirst: "parts of a borrowed communicator") { ranks in
    try checkBorrowedParts(on: ranks)
  },
  RankCase("the raw communicator in C") { ranks in
    let sum = crp_comm_sum(ranks.handle, Int32(ranks.rank + 1))
    try expect(Int(sum) == ranks.size * (ranks.size + 1) / 2, "C's sum over the ranks: \(sum)")
    let alone = try ranks.split(color: ranks.rank)
    let own = crp_comm_sum(alone.handle, 7)
    try expect(own == 7, "C's sum over one rank: \(own)")
    try alone.free()
  },
  RankCase("what cannot be adopted") { ranks in try checkRefused(on: ranks) },
]

private func checkBorrowed(on ranks: borrowing Communicator) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  let raw = crp_comm_reversed(ranks.handle)
  let (frees, copies) = (crp_comm_frees(), crp_comm_copies())
  let sum = try withCommunicator(borrowing: raw) { borrowed in
    try expect(borrowed.handle == raw, "another handle than the one lent")
    try expect(
      borrowed.rank == size - 1 - rank && borrowed.size == size,
      "rank \(borrowed.rank) of \(borrowed.size) among ranks reversed")
    try borrowed.sendReceive(
      [rank].span, to: size - 1 - borrowed.rank, tag: 0, expecting: size - 1 - rank)
    return try borrowed.scan(1, .sum)
  }
  try expect(sum == size - rank, "a scan over ranks reversed: \(sum)")
  try expect(
    crp_comm_frees() == frees && crp_comm_copies() == copies,
    "a borrowed communicator was freed \(crp_comm_frees() - frees) times and duplicated "
      + "\(crp_comm_copies() - copies) times")
  // Its owner uses it on.
  let after = crp_comm_sum(raw, 1)
  try expect(Int(after) == size, "C's sum after the loan: \(after)")
  crp_comm_free(raw)
}

extension Communicator {
  /// A number to a rank and one back.
  fileprivate borrowing func sendReceive(
    _ number: Span<Int>, to other: Int, tag: Int, expecting wanted: Int
  ) throws {
    var theirs = [-1]
    var span = theirs.mutableSpan
    try sendReceive(number, to: other, tag: tag, into: &span, from: other, tag: tag)
    try expect(theirs == [wanted], "\(theirs) where \(wanted) was due")
  }
}

private func checkDuplicated(on ranks: borrowing Communicator) throws {
  let size = ranks.size
  let raw = crp_comm_reversed(ranks.handle)
  let (frees, copies) = (crp_comm_frees(), crp_comm_copies())
  let own = try Communicator(duplicating: raw)
  try expect(own.handle != raw, "the same handle, where a duplicate was due")
  try expect(own.rank == size - 1 - ranks.rank && own.size == size, "rank \(own.rank)")
  let total = try own.allReduce(1.0, .sum)
  try expect(total == Double(size), "a sum of \(total)")
  // Its messages are apart from the owner's.
  let (next, previous) = neighbours(of: own)
  try own.send(3.0, to: next, tag: 0)
  try withCommunicator(borrowing: raw) { borrowed in
    let none = try borrowed.probeNow(for: Double.self, from: .any, tag: .any)
    try expect(none == nil, "the owner sees \(String(describing: none))")
  }
  var value = 0.0
  try own.receive(&value, from: previous, tag: 0)
  try expect(value == 3, "\(value) from the rank before")
  try own.free()
  try expect(
    crp_comm_frees() == frees + 1 && crp_comm_copies() == copies + 1,
    "\(crp_comm_copies() - copies) duplicates, \(crp_comm_frees() - frees) freed")
  let after = crp_comm_sum(raw, 1)
  try expect(Int(after) == size, "C's sum after the duplicate's end: \(after)")
  crp_comm_free(raw)
}

/// The owner's error handler is out of the way during the loan only, however it ends.
private func checkErrorHandler(on ranks: borrowing Communicator) throws {
  let raw = crp_comm_reversed(ranks.handle)
  let (next, previous) = neighbours(of: ranks)
  try expect(crp_comm_errors_are_fatal(raw) == 1, "a new communicator's errors are not fatal")
  try withCommunicator(borrowing: raw) { borrowed in
    try expect(crp_comm_errors_are_fatal(raw) == 0, "a borrowed communicator's errors are fatal")
    let size = borrowed.size
    try borrowed.send([1, 2].span, to: size - 1 - next, tag: 0)
    try expectTruncation(room: 1) {
      try borrowed.receive(&$0, from: size - 1 - previous, tag: 0)
    }
  }
  try expect(crp_comm_errors_are_fatal(raw) == 1, "the owner's handler was not put back")
  do {
    try withCommunicator(borrowing: raw) { _ in throw CheckFailure(description: "the body's own") }
    try expect(false, "the body's error was lost")
  } catch let error as CheckFailure {
    try expect(error.description == "the body's own", "\(error)")
  }
  try expect(crp_comm_errors_are_fatal(raw) == 1, "the owner's handler after an error")
  crp_comm_free(raw)
}

private func checkBorrowedParts(on ranks: borrowing Communicator) throws {
  let raw = crp_comm_reversed(ranks.handle)
  try withCommunicator(borrowing: raw) { borrowed in
    let half = try borrowed.split(color: borrowed.rank % 2)
    let sum = try half.allReduce(1.0, .sum)
    try expect(
      sum == Double((borrowed.size + 1 - borrowed.rank % 2) / 2), "\(sum) ranks in a half")
    try half.free()
    let copy = try borrowed.duplicate()
    try copy.barrier()
    try copy.free()
  }
  crp_comm_free(raw)
}

private func checkRefused(on ranks: borrowing Communicator) throws {
  for handle in [nil, crp_comm_null()] {
    try expectError("Communicator: no communicator") { () throws(MPIError) in
      try Communicator(duplicating: handle).free()
    }
    do {
      try withCommunicator(borrowing: handle) { _ in }
      try expect(false, "no communicator was borrowed")
    } catch let error as MPIError {
      try expect(error.description == "withCommunicator: no communicator", "\(error)")
    }
  }
  guard ranks.size > 1 else { return }
  let half = try ranks.split(color: ranks.rank % 2)
  let between = crp_intercomm(ranks.handle, half.handle, Int32(1 - ranks.rank % 2))
  try expectError("Communicator: an intercommunicator, which has two groups") {
    () throws(MPIError) in
    try Communicator(duplicating: between).free()
  }
  crp_comm_free(between)
  try half.free()
}
