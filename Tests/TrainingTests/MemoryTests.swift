import RankTesting
import Testing

/// What a step asks the heap for, and what a rank keeps.
@Suite(.serialized) struct MemoryTests {
  @Test(arguments: [1, 2]) func aStepAsksTheHeapForNothingOfTheModelsSize(_ ranks: Int) throws {
    let outcome = try Programs.mpirun(ranks, ["allocations"])
    #expect(outcome.status == 0, "\(outcome.rankLines)")
    #expect(outcome.output.split(separator: "\n").count == 7, "\(outcome.output)")
    print(outcome.output)
  }

  @Test(arguments: [2, 4]) func shardedStateIsDividedByTheRanks(_ ranks: Int) throws {
    let outcome = try Programs.mpirun(ranks, ["optimizer-shares"])
    #expect(outcome.status == 0, "\(outcome.rankLines)")
  }
}
