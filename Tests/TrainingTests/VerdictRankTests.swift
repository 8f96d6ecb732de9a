import Foundation
import RankTesting
import Testing

/// A trajectory has the same verdict at any rank count and with any exchange.
@Suite struct VerdictRankTests {
  // B2
  /// Trainers on blobs, drawn at random, each on 1, 2, 3 and 4 ranks. Where sums have the same bits
  /// at any rank count, verdicts are equal; elsewhere one in 60 may differ. `LOCKSTEP_TRAJECTORIES`
  /// sets how many there are of each mode.
  @Test func verdictsAreEqualAtAnyRankCount() throws {
    let count = ProcessInfo.processInfo.environment["LOCKSTEP_TRAJECTORIES"].flatMap(Int.init) ?? 24
    let outcome = try Programs.mpirun(4, ["verdict-ranks", "\(count)"])
    print("verdict-ranks, \(outcome.seconds) s\n\(outcome.output)")
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    #expect(outcome.output.contains("reproducible: \(count) of \(count)\n"))
    #expect(
      (count - (count + 59) / 60...count).contains {
        outcome.output.contains("free: \($0) of \(count)\n")
      })
    for mode in ["reproducible", "free"] {
      // Verdicts that are all alike would show little.
      let kinds = outcome.output.components(separatedBy: "\(mode) kinds: ").last!.prefix {
        $0 != "\n"
      }.split(separator: ",")
      #expect(kinds.count >= 4, "\(kinds)")
    }
  }
}
