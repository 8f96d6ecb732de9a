import Foundation
import RankTesting
import Testing

/// Gradients that are sent in buckets while the backward pass runs.
@Suite struct OverlapTests {
  @Test func bucketsSumToTheBit() throws {
    let outcome = try Programs.mpirun(4, ["buckets"])
    outcome.expectCasesPass()
    print("buckets, \(outcome.seconds) s")
  }

  @Test func theMomentOfDepartureChangesNoBits() throws {
    let outcome = try Programs.mpirun(4, ["overlap-bits"])
    outcome.expectCasesPass()
    print("overlap-bits, \(outcome.seconds) s")
  }

  @Test(arguments: [0, 1, 3]) func aRankThatThrowsMeanwhileEndsTheJob(rank: Int) throws {
    let outcome = try Programs.mpirun(4, ["bucket-failure", "\(rank)"])
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(outcome.rankLines.count == 1, "\(outcome.errors)")
    let line = outcome.rankLines.first ?? ""
    #expect(
      line.hasPrefix("rank \(rank) on ") && line.hasSuffix("no more, after four of eight tensors"),
      "\(outcome.errors)")
    #expect(!outcome.output.contains("has the sum"))
  }
}
