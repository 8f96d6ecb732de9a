import RankTesting
import Testing

extension MPITests {
  struct Cost {
    /// Alone, MPI has nothing to reduce or to wait for: what a call takes over the same call from C
    /// is all the binding's, and no other work on the machine hides it. Two ranks of one node
    /// reduce 1 KB in 1.1 µs, of which the bound is 2 %.
    @Test func `The binding costs under 20 ns a call at any size`() throws {
      let outcome = try Programs.mpirun(1, ["allreduce-cost", "brief"])
      try #require(outcome.status == 0, outcome.account)
      let rows = outcome.output.split(separator: "\n").map {
        $0.split(separator: " ").compactMap { Double($0) }
      }
      try #require(rows.map { $0.count } == [5, 5, 5, 5], outcome.account)
      for row in rows { #expect(row[3] < 20, outcome.account) }
    }
  }
}
