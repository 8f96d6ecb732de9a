import RankTesting
import Testing

/// The allocations of a step, and the optimizer state of a rank.
@Suite(.serialized) struct MemoryTests {
  @Test(arguments: [1, 2]) func aStepAsksTheHeapForNothingOfTheModelsSize(_ ranks: Int) throws {
    let outcome = try Programs.mpirun(ranks, ["allocations"])
    outcome.expectCasesPass()
    #expect(outcome.output.split(separator: "\n").count == 7, "\(outcome.output)")
    print(outcome.output)
  }

  @Test(arguments: [2, 4]) func shardedStateIsDividedByTheRanks(_ ranks: Int) throws {
    let outcome = try Programs.mpirun(ranks, ["optimizer-shares"])
    outcome.expectCasesPass()
  }
}
