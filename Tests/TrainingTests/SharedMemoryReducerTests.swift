import Foundation
import RankTesting
import Testing

/// Gradients and weights in memory that the ranks of a node share.
@Suite struct SharedMemoryReducerTests {
  @Test func sharedMemoryHasTheBitsOfMessagesUnderEveryRule() throws {
    let outcome = try Programs.mpirun(8, ["shared-bits"])
    outcome.expectCasesPass()
    print("shared-bits, \(outcome.seconds) s")
  }

  @Test func ranksThatCannotShareSendMessages() throws {
    let outcome = try Programs.mpirun(3, ["shared-fallback"])
    outcome.expectCasesPass()
    let asked = try Programs.mpirun(3, ["shared-fallback", "shared"])
    #expect(asked.status == 64 && asked.rankLines.count == 1, "\(asked.errors)")
    #expect(
      asked.errors.contains(
        "training.exchange: gradients cannot be exchanged through shared memory: rank 0 on "))
  }

  @Test func memoryIsGivenBack() throws {
    let outcome = try Programs.mpirun(3, ["shared-memory"])
    #expect(outcome.status == 0, "\(outcome.rankLines)")
    print("shared-memory, \(outcome.seconds) s")
  }
}
