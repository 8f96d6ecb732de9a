import MPI

/// Programs that try the binding alone.
let mpiPrograms: [RankProgram] =
  collectivePrograms + misusePrograms + failurePrograms + [allReduceCost]

/// Each prints `theme on N ranks` as it finishes, so that a test can check which ones ran.
private let collectivePrograms = [
  RankProgram("collectives") { world, _ in
    for count in [1, 2, 3, 4, 5, 8] where count <= world.size {
      try onRanks([count], of: world) { ranks in
        try finish("reductions", on: ranks) { ranks in try checkReductions(on: ranks) }
        try finish("pieces", on: ranks) { ranks in try checkReduceScatter(on: ranks) }
        try finish("gathers", on: ranks) { ranks in try checkGathers(on: ranks) }
        try finish("exchanges", on: ranks) { ranks in try checkAllToAll(on: ranks) }
        try finish("broadcasts", on: ranks) { ranks in try checkBroadcasts(on: ranks) }
        try finish("groups", on: ranks) { ranks in try checkGroups(on: ranks) }
        try finish("windows", on: ranks) { ranks in try checkSharedWindows(on: ranks) }
        try finish("records", on: ranks) { ranks in try checkRecords(on: ranks) }
        try finish("agreement", on: ranks) { ranks in try checkAgreement(on: ranks) }
      }
    }
  },
  RankProgram("equal-bits") { world, _ in
    let digest = try checkEqualBits(on: world)
    try checkRecords(on: world)
    if world.rank == 0 { print(digest) }
  },
]

private func finish(
  _ theme: String, on ranks: borrowing Communicator,
  _ check: (borrowing Communicator) throws -> Void
) throws {
  try check(ranks)
  if ranks.rank == 0 { print("\(theme) on \(ranks.size) ranks") }
}

/// What a rank gives at a position: small, so that sums are exact in every type, and different
/// enough that no mix-up goes unseen.
func element<Element: Numeric>(_ rank: Int, _ position: Int) -> Element {
  Element(exactly: (rank * 7 + position * 5 + rank * position) % 29 + 1)!
}

/// One rank's elements.
func elements<Element: Numeric>(_ rank: Int, _ count: Int, from start: Int = 0) -> [Element] {
  (start..<start + count).map { element(rank, $0) }
}
