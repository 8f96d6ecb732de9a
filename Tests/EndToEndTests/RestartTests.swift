import Foundation
import RankTesting
import Testing

/// `--max-restarts` follows the rules of `--resume`, and gives up failures that can only repeat.
@Suite(.serialized) struct RestartTests {
  private func run(_ folder: TemporaryFolder, steps: Int, _ options: String...) throws
    -> RunningProgram
  {
    try folder.lockstep(
      [
        "run", folder.logistic(steps: steps), "-n", "2", "--output", folder.path("run"),
        "--max-restarts",
        "3",
      ] + options)
  }

  /// A restart without a checkpoint begins again, and replaces nothing. // C1, C2
  @Test func recordsOfAFailedStartAreSaved() throws {
    let folder = TemporaryFolder()
    let job = try run(folder, steps: 6000)
    func hasRecords() -> Bool { (try? folder.lines("run/metrics.jsonl").count > 100) == true }
    try #require(job.wait(until: hasRecords), "\(job.errors)")
    let worker = try #require(job.descendants.first { $0.name.hasPrefix("lockstep-worke") })
    kill(worker.identifier, SIGKILL)
    let outcome = try job.finish()
    #expect(
      outcome.status == 0 && outcome.errors.contains("are in interrupted-1"), "\(outcome.errors)")
    #expect(try folder.lines("run/interrupted-1/metrics.jsonl").count > 100)
    #expect(try folder.lines("run/metrics.jsonl").count == 6000)
  }

  /// Every step is skipped, whatever the number of starts. // B16
  @Test func aFailureThatCanOnlyRepeatEndsThem() throws {
    let folder = TemporaryFolder()
    let outcome = try run(
      folder, steps: 200, "--set", "optimizer.learning_rate=1e38", "--set", "model.kind=mlp"
    ).finish()
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("restart 1 of 3") && !outcome.errors.contains("restart 2 of 3"),
      "\(outcome.errors)")
    #expect(
      outcome.errors.contains("no further restart: the workers failed as before"),
      "\(outcome.errors)")
  }
}
