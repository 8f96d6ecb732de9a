import RankTesting
import Testing

extension MPITests {
  struct Misuse {
    static let names = [
      "wrong counts", "wrong ranks", "wrong tags", "wrong lengths", "counts past Int32",
    ]

    @Test(arguments: names, [1, 2, 3, 4])
    func `Wrong arguments are refused with what is wrong`(name: String, ranks: Int) throws {
      try RankCases.quick(ranks).expectGood(name)
    }

    @Test func `Reductions and broadcasts past one call's length are made in pieces`() throws {
      let cases = try RankCases(2, ["mpi-long-cases"])
      for name in ["long broadcast", "long reductions"] { cases.expectGood(name) }
      #expect(cases.outcome.status == 0, cases.outcome.account)
    }

    @Test(arguments: ["dropped-request", "dropped-send", "dropped-receive"])
    func `A dropped request traps and says so`(program: String) throws {
      let outcome = try Programs.mpirun(1, [program])
      #expect(outcome.status != 0, outcome.account)
      #expect(
        outcome.errors.contains(
          "Fatal error: an MPI request was dropped before it was waited for: call wait() on every Request"
        ),
        outcome.account)
    }
  }
}
