import Glibc
import MPI

/// One named check of a rank program, on the first `ranks` ranks of the job.
struct Case {
  let name: String
  let ranks: Int
  let body: (borrowing Communicator) throws -> Void

  init(
    _ name: String, ranks: Int, _ body: @escaping (borrowing Communicator) throws -> Void
  ) {
    (self.name, self.ranks, self.body) = (name, ranks, body)
  }

  /// Prints a line `case NAME: TEXT`, in one write, so that lines of several ranks do not mix.
  fileprivate static func report(_ name: String, _ text: String) {
    let line = Array(("case \(name): \(text)".replacing("\n", with: " / ") + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }
}

/// The case that this rank is in, and how many of its checks failed.
private struct OpenCase {
  let name: String
  let rank: Int
  var failures = 0

  /// How many failures of one case a rank prints; the rest follow from the first, most often.
  static let printed = 3

  mutating func fail(_ text: String) {
    failures += 1
    if failures <= Self.printed { Case.report(name, "failed on rank \(rank): \(text)") }
  }
}

/// Checks are made by one thread.
nonisolated(unsafe) private var openCase: OpenCase?

/// Notes a failed check in the open case; false where no case is open.
func failOpenCase(_ text: String) -> Bool {
  openCase?.fail(text)
  return openCase != nil
}

/// Runs, one after the other, the cases that have no more ranks than the job, and sets the exit
/// status to 1 where one fails. Collective.
///
/// Rank 0 prints `case NAME: planned` for all of them first, and `case NAME: passed` after each
/// that passes on all ranks. A check that fails prints `case NAME: failed on rank RANK: TEXT` and
/// the case continues, so that no rank leaves out a collective that other ranks have entered. A
/// case that throws ends the job, because the other ranks may wait for this one; the cases after it
/// then neither pass nor fail. `Outcome.expectCasesPass` reads these lines.
func run(_ cases: [Case], on world: borrowing Communicator) throws {
  let cases = cases.filter { $0.ranks <= world.size }
  guard !cases.isEmpty, Set(cases.map(\.name)).count == cases.count else {
    throw CheckFailure(description: "no case, or two of one name: \(cases.map(\.name))")
  }
  if world.rank == 0 { for planned in cases { Case.report(planned.name, "planned") } }
  for current in cases {
    let part = try world.split(color: world.rank < current.ranks ? 0 : 1)
    var failures = 0
    if world.rank < current.ranks {
      openCase = OpenCase(name: current.name, rank: world.rank)
      do {
        try current.body(part)
      } catch {
        openCase?.fail("\(error)")
        throw error
      }
      failures = openCase!.failures
      openCase = nil
      if failures > OpenCase.printed {
        Case.report(
          current.name,
          "failed on rank \(world.rank): and in \(failures - OpenCase.printed) checks more")
      }
    }
    let all = try world.allReduce(Int64(failures), .sum)
    try part.free()
    if all > 0 {
      exitStatus = 1
    } else if world.rank == 0 {
      Case.report(current.name, "passed")
    }
  }
}

/// Cases that pass, fail on one rank, fail on all, and throw, for a test of the reports.
let casesProgram = RankProgram("cases") { world, _ in
  func sum(_ expected: Int64, _ part: borrowing Communicator) throws {
    let sum = try part.allReduce(Int64(part.rank), .sum)
    try expect(sum == expected, "the sum is \(sum), not \(expected)")
  }
  let cases = [
    Case("one rank fails", ranks: 3) { part in
      try expect(part.rank != 1, "rank 1 has no luck")
      try sum(3, part)
    },
    Case("all pass", ranks: 3) { try sum(3, $0) },
    Case("two ranks fail in four checks", ranks: 2) { part in
      for wrong in 2...5 { try sum(Int64(wrong), part) }
    },
    Case("more ranks than there are", ranks: 99) { try sum(0, $0) },
    Case("rank 2 throws", ranks: 3) { part in
      if part.rank == 2 { throw CheckFailure(description: "no more") }
      try sum(3, part)
    },
    Case("not reached", ranks: 1) { try sum(0, $0) },
  ]
  try run(cases, on: world)
}
