import Foundation
import RankTesting
import Testing

/// The short form of the campaign of faults that Tests/Faults/run makes: kills, signals,
/// corruptions, stopped ranks and full disks at random instants.
@Suite(.serialized) struct FaultCampaignTests {
  private static let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../Faults/run"
  ).standardized.path
  private static let hasPython =
    ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/python3")
    } == true

  @Test(.enabled(if: hasPython, "the campaign is a Python program"))
  func threeTrialsOfEachKindPass()
    throws
  {
    let outcome = try RunningProgram(
      Self.script, ["--trials", "3", "--seed", "7", "--programs", Programs.directory.path]
    ).finish(limit: 300)
    print(outcome.output)
    #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
  }
}
