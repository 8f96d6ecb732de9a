import Foundation
import RankTesting
import Testing

/// `[evaluation]` as a user of `lockstep run` meets it.
@Suite struct EvaluationRunTests {
  @Test func evaluationsAreShownAndPatienceIsAnOrderlyEnd() throws {
    let folder = TemporaryFolder()
    let file = folder.logistic(
      steps: 4000,
      """
      [evaluation]
      split = 0.2
      every = 10
      patience = 3
      best = true
      average = 0.9
      """)
    // Clusters that overlap, and a rate at which the loss on others soon rises.
    let outcome = try folder.lockstep([
      "run", file, "-n", "2", "--output", folder.path("run"), "--set", "data.spread=8", "--set",
      "optimizer.learning_rate=0.5",
    ]).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("800 samples")
        && outcome.errors.contains("held out at step 10: loss "), "\(outcome.errors)")
    #expect(outcome.output.contains("Patience ended training after step "), "\(outcome.output)")
    #expect(
      outcome.output.contains("  held out     lowest loss ")
        && outcome.output.contains("  average      loss "), "\(outcome.output)")
    for name in ["best", "average", "final"] {
      #expect(folder.exists("run/\(name).safetensors"), "\(name)")
    }
    let table = try folder.lockstep(["report", folder.path("run"), "--csv", "evaluations"])
      .finish()
    let lines = table.output.split(separator: "\n")
    let evaluations = try folder.lines("run/evaluations.jsonl").count
    #expect(
      lines.first == "step,epoch [epochs],loss,accuracy,average_loss,average_accuracy"
        && lines.count == evaluations + 1 && evaluations > 3)
    let inspected = try folder.lockstep(["inspect", folder.path("run/best.safetensors")]).finish()
    #expect(inspected.status == 0, "\(inspected.errors)")
  }
}
