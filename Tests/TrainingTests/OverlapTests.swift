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

  @Test func weightsThatArriveLaterChangeNoBits() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(4, ["prefetch", folder.path])
    outcome.expectCasesPass()
    print("prefetch, \(outcome.seconds) s")
  }

  @Test(arguments: [["0"], ["3"], ["0", "2"], ["3", "2"]])
  func aRankThatThrowsWhileWeightsArriveEndsTheJob(arguments: [String]) throws {
    let outcome = try Programs.mpirun(4, ["prefetch-failure"] + arguments)
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(outcome.rankLines.count == 1, "\(outcome.errors)")
    let line = outcome.rankLines.first ?? ""
    #expect(
      line.hasPrefix("rank \(arguments[0]) on ")
        && line.hasSuffix("no more, with weights under way"),
      "\(outcome.errors)")
    #expect(!outcome.output.contains("another step"))
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
