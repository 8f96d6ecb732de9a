import RankTesting
import Testing

extension MPITests {
  struct Collectives {
    /// More ranks than cores from three on; eight, because algorithms change at powers of two.
    static let rankCounts = [1, 2, 3, 4, 5, 8]
    static let names = [
      "all-reduce", "all-reduce of extremes", "all-reduce of locations", "several in flight",
      "reduce-scatter", "gather and all-gather", "all-to-all of unequal pieces",
      "all-to-all of equal pieces", "broadcast", "groups", "shared windows", "records",
      "agreement", "reduce to a root", "gather of equal pieces", "scatter of equal pieces",
      "scatter of unequal pieces", "scan", "exclusive scan", "scan gives each rank its place",
    ]

    @Test(arguments: names, rankCounts)
    func `Values are right at every rank count`(name: String, ranks: Int) throws {
      try RankCases.quick(ranks).expectGood(name)
    }

    @Test(arguments: rankCounts)
    func `The job of all cases ends well and reports every case that is tested`(ranks: Int) throws {
      let cases = try RankCases.quick(ranks)
      // Open MPI 5 with UCX but without its hardware says so of every window.
      let errors = cases.outcome.errors.split(separator: "\n").filter {
        !$0.contains("OSC UCX component priority") && $0.contains { !$0.isWhitespace }
      }
      #expect(cases.outcome.status == 0 && errors.isEmpty, cases.outcome.account)
      #expect(Set(cases.lines.keys) == Set(Self.names + Messages.names + Misuse.names))
    }

    @Test func `Values are right over TCP`() throws {
      let cases = try RankCases(5, ["mpi-cases"], mpirunArguments: TestMPI.overTCP)
      for name in Self.names + Messages.names { cases.expectGood(name) }
      #expect(cases.outcome.status == 0, cases.outcome.account)
    }

    @Test func `A case that fails is named, and the others run on`() throws {
      let cases = try RankCases(3, ["mpi-failing-cases"])
      #expect(cases.outcome.status == 0, cases.outcome.account)
      #expect(cases.lines["first"] == "ok first" && cases.lines["third"] == "ok third")
      let failure = try #require(cases.lines["second"], cases.outcome.account)
      #expect(failure.hasPrefix("failed second: rank 1: ") && failure.contains("wrong on 1"))
      #expect(failure.contains("; rank 2: ") && failure.contains("wrong on 2"))
    }

    @Test func `All ranks hold the same bits whatever the algorithm`() throws {
      var digests: Set<String> = []
      for chosen in TestMPI.allReduceAlgorithms {
        let outcome = try Programs.mpirun(5, ["equal-bits"], mpirunArguments: chosen)
        #expect(outcome.status == 0, outcome.account)
        digests.insert(outcome.output)
      }
      // The sums do depend on the order of addition, and the algorithms were really others.
      #expect(
        digests.count >= (TestMPI.isMPICH ? 2 : 4), "\(digests)")
    }

    @Test func `All ranks hold the same bits over TCP`() throws {
      let outcome = try Programs.mpirun(4, ["equal-bits"], mpirunArguments: TestMPI.overTCP)
      #expect(outcome.status == 0, outcome.account)
    }
  }
}
