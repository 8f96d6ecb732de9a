import RankTesting
import Testing

extension MPITests {
  struct Misuse {
    @Test func `Wrong arguments are refused with what is wrong`() throws {
      let outcome = try Programs.mpirun(3, ["wrong-arguments"])
      #expect(outcome.status == 0, outcome.account)
    }

    @Test func `Counts that MPI cannot take are refused, not truncated`() throws {
      let outcome = try Programs.mpirun(2, ["counts-past-int32"])
      #expect(outcome.status == 0, outcome.account)
    }

    @Test func `Reductions and broadcasts past one call's length are made in pieces`() throws {
      let outcome = try Programs.mpirun(2, ["long-buffers"])
      #expect(outcome.status == 0, outcome.account)
    }

    @Test func `A dropped request traps and says so`() throws {
      let outcome = try Programs.mpirun(1, ["dropped-request"])
      #expect(outcome.status != 0, outcome.account)
      #expect(
        outcome.errors.contains(
          "Fatal error: an MPI request was dropped before it was waited for: call wait() on every Request"
        ),
        outcome.account)
    }
  }
}
