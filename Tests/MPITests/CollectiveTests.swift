import RankTesting
import Testing

extension MPITests {
  struct Collectives {
    static let rankCounts = [1, 2, 3, 4, 5, 8]
    /// One start for all of them.
    static let outcome = Result { try Programs.mpirun(8, ["collectives"]) }

    @Test(arguments: [
      "reductions", "pieces", "gathers", "exchanges", "broadcasts", "groups", "windows", "records",
      "agreement",
    ])
    func `Values are right at every rank count`(theme: String) throws {
      let outcome = try Self.outcome.get()
      let lines = outcome.output.split(separator: "\n")
      let unfinished = Self.rankCounts.filter { !lines.contains("\(theme) on \($0) ranks") }
      #expect(unfinished.isEmpty, outcome.account)
    }

    @Test func `The job of all collectives ends well`() throws {
      let outcome = try Self.outcome.get()
      #expect(outcome.status == 0 && outcome.errors.isEmpty, outcome.account)
    }

    @Test func `Values are right over TCP`() throws {
      let outcome = try Programs.mpirun(
        5, ["collectives"], mpirunArguments: ["--mca", "btl", "tcp,self"])
      #expect(outcome.status == 0, outcome.account)
      #expect(outcome.output.contains("agreement on 5 ranks\n"), outcome.account)
    }

    @Test func `All ranks hold the same bits whatever the algorithm`() throws {
      var digests: Set<String> = []
      for algorithm in 1...6 {
        let chosen = [
          "--mca", "coll_tuned_use_dynamic_rules", "1", "--mca", "coll_tuned_allreduce_algorithm",
          "\(algorithm)",
        ]
        let outcome = try Programs.mpirun(5, ["equal-bits"], mpirunArguments: chosen)
        #expect(outcome.status == 0, outcome.account)
        digests.insert(outcome.output)
      }
      // The sums do depend on the order of addition, and the algorithms were really others.
      #expect(digests.count >= 4, "\(digests)")
    }

    @Test func `All ranks hold the same bits over TCP`() throws {
      let outcome = try Programs.mpirun(
        4, ["equal-bits"], mpirunArguments: ["--mca", "btl", "tcp,self"])
      #expect(outcome.status == 0, outcome.account)
    }
  }
}
