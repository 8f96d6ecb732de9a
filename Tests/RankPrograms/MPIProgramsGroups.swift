import GradientReduction
import MPI

/// Communicators made of others: who is in them, in what order, and that their messages do not
/// meet.
func checkGroups(on ranks: borrowing Communicator) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for colors in 1...3 {
    for (key, ordered) in [(0, true), (-rank, false), (rank * 1000, true)] {
      let part = try ranks.split(color: rank % colors, key: key)
      var members = (0..<size).filter { $0 % colors == rank % colors }
      if !ordered { members.reverse() }
      try expect(
        part.size == members.count, "split in \(colors): \(part.size) ranks for \(members)")
      try expect(
        members[part.rank] == rank, "split in \(colors): rank \(part.rank) among \(members)")
      let seen = try part.allGather([Int64(rank)].span)
      try expect(seen == members.map(Int64.init), "split in \(colors): \(seen) for \(members)")
      let total = try part.allReduce(Int32(rank), .sum)
      try expect(
        total == Int32(members.reduce(0, +)),
        "split in \(colors): a sum of \(total) over \(members)")
      try part.barrier()
      try part.free()
    }
  }

  let node = try ranks.splitByNode()
  let hosts = try ranks.broadcast((ranks.gather(hostName()) ?? []).joined(separator: "\n")).split(
    separator: "\n")
  let neighbours = (0..<size).filter { ranksAreHosts ? $0 == rank : hosts[$0] == hosts[rank] }
  let onNode = try node.allGather([Int32(rank)].span)
  try expect(
    onNode == neighbours.map(Int32.init), "the ranks \(onNode) of a node where \(neighbours) run")
  try node.free()

  // The copy's reduction runs between start and end of the original's, though both move the same
  // kind of message.
  let copy = try ranks.duplicate()
  try expect(
    copy.rank == rank && copy.size == size, "rank \(copy.rank) of \(copy.size) in a duplicate")
  var (mine, theirs): ([Float], [Float]) = (elements(rank, 3000), elements(rank + 1, 3000))
  var span = mine.mutableSpan
  var other = theirs.mutableSpan
  let request = try ranks.startAllReduce(&span, .sum)
  let second = try copy.startAllReduce(&other, .sum)
  try second.wait()
  try request.wait()
  try expect(
    mine == (0..<3000).map { position in (0..<size).reduce(0) { $0 + element($1, position) } },
    "the original's sum")
  try expect(
    theirs
      == (0..<3000).map { position in (0..<size).reduce(0) { $0 + element($1 + 1, position) } },
    "the duplicate's sum")
  try copy.free()
}

/// An agreement where all succeed returns what each rank worked out.
func checkAgreement(on ranks: borrowing Communicator) throws {
  let mine = try ranks.succeedOnAllRanks { "result of \(ranks.rank)" }
  try expect(mine == "result of \(ranks.rank)", "agree returned \(mine)")
  let none: Int? = try ranks.succeedOnAllRanks { nil }
  try expect(none == nil, "agree returned \(String(describing: none))")
  try ranks.succeedOnAllRanks {}
}
