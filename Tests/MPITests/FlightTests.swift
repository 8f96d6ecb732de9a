import RankTesting
import Testing

extension MPITests {
  /// What a rank notes of its collectives, for those who ask why a job hangs (D1).
  struct Flight {
    @Test func `An entry of the flight recorder costs under 200 ns`() throws {
      let outcome = try Programs.mpirun(1, ["flight-cost"])
      try #require(outcome.status == 0, outcome.account)
      let nanoseconds = try #require(
        Double(outcome.output.split(separator: "\n").first ?? ""), outcome.account)
      #expect(nanoseconds < 200, outcome.account)
    }

    @Test func `Every collective is noted with its number, kind, bytes and step on all ranks`()
      throws
    {
      let outcome = try Programs.mpirun(4, ["flight-record"])
      try #require(outcome.status == 0, outcome.account)
      // Four ranks, two Doubles each: 64 bytes in all.
      let expected = """
        barrier 2 0 step 7
        all-reduce 3 64 step 7
        all-reduce 4 8 step 7
        reduce-scatter 5 64 step 7
        all-gather 6 64 step 7
        broadcast 7 64 step 7
        all-reduce 8 64 step 7
        reduce 9 8 step 7
        scan 10 8 step 7
        exclusive scan 11 8 step 7
        scatter 12 16 step 7
        split of a communicator 13 0 step 7
        barrier 1 0 step 7
        end of a communicator 2 0 step 7

        """
      #expect(outcome.output == expected, outcome.account)
    }
  }
}
