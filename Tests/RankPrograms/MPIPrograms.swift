import MPI

/// Programs that try the binding alone.
let mpiPrograms: [RankProgram] =
  [mpiCases, mpiLongCases, equalBits, allReduceCost] + failurePrograms

/// Everything that is quick, case by case. Without arguments all cases run, else those named.
private let mpiCases = RankProgram("mpi-cases") { world, names in
  let cases =
    collectiveCases + rootCases + scanCases + messageCases + startedMessageCases + adoptingCases
    + misuseCases
  try runCases(cases.filter { names.isEmpty || names.contains($0.name) }, on: world)
}

/// Cases with buffers past what one call of MPI takes.
private let mpiLongCases = RankProgram("mpi-long-cases") { world, _ in
  try runCases(longCases, on: world)
}

private let collectiveCases = [
  RankCase("all-reduce") { ranks in try checkReductions(on: ranks) },
  RankCase("all-reduce of extremes") { ranks in try checkExtremes(on: ranks) },
  RankCase("all-reduce of locations") { ranks in try checkLocations(on: ranks) },
  RankCase("several in flight") { ranks in try checkManyInFlight(on: ranks) },
  RankCase("reduce-scatter") { ranks in try checkReduceScatter(on: ranks) },
  RankCase("gather and all-gather") { ranks in try checkGathers(on: ranks) },
  RankCase("all-to-all of unequal pieces") { ranks in try checkAllToAll(on: ranks) },
  RankCase("all-to-all of equal pieces") { ranks in try checkEqualAllToAll(on: ranks) },
  RankCase("broadcast") { ranks in try checkBroadcasts(on: ranks) },
  RankCase("groups") { ranks in try checkGroups(on: ranks) },
  RankCase("shared windows") { ranks in try checkSharedWindows(on: ranks) },
  RankCase("records") { ranks in try checkRecords(on: ranks) },
  RankCase("agreement") { ranks in try checkAgreement(on: ranks) },
]

private let equalBits = RankProgram("equal-bits") { world, _ in
  let digest = try checkEqualBits(on: world)
  try checkRecords(on: world)
  if world.rank == 0 { print(digest) }
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
