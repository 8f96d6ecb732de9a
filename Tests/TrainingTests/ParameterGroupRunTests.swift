import Foundation
import RankTesting
import Testing

/// Groups of tensors on ranks.
@Suite struct ParameterGroupRunTests {
  @Test func ranksAgreeWithOneProcess() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(4, ["parameter-groups", folder.path], limit: 300)
    outcome.expectCasesPass()
    print("parameter-groups, \(outcome.seconds) s")
  }

  private static let experiment = """
    [model]
    hidden = [6]
    [data]
    kind = "blobs"
    samples = 100
    [training]
    global_batch = 20
    steps = 4
    [clip]
    rule = "global"
    max_norm = 0.05
    [[optimizer.groups]]
    match = ["*.bias"]
    clip = "own"
    [checkpoint]
    every = 2
    """

  private func train(_ folder: TemporaryFolder, _ more: String...) throws -> Outcome {
    try Programs.mpirun(
      2, ["\(folder.path)/x.toml", "--output", "\(folder.path)/run"] + more,
      program: "lockstep-worker")
  }

  /// Records have each group's clip, and a resume with other groups lists the key.
  @Test func recordsAndReportsKnowGroups() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "x.toml")
    #expect(try train(folder).status == 0)
    for record in try folder.records("run/metrics.jsonl") {
      let norm = try #require(record["norm"] as? [String: Any])
      let own = try #require((norm["own"] as? [String: Any])?["*.bias"] as? [String: Double])
      let layers = try #require(norm["layers"] as? [String: Double])
      let biases = (layers["layers.0.bias"]!, layers["layers.1.bias"]!)
      let length = (biases.0 * biases.0 + biases.1 * biases.1).squareRoot()
      #expect(abs(own["norm"]! - length) < 1e-12 && own["threshold"] == 0.05)
      #expect(abs(own["coefficient"]! - min(1, 0.05 / (own["norm"]! + 1e-6))) < 1e-12)
      #expect(norm["threshold"] as? Double == 0.05 && norm["coefficient"] is NSNull)
    }
    let resumed = try train(
      folder, "--resume", "--set", "training.steps=6", "--set", "optimizer.groups[0].rate=0")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let report = try #require(try folder.json("run/report.json") as? [String: Any])
    let changes = try #require(report["changes"] as? [[String: Any]])
    #expect(changes.contains { $0["key"] as? String == "optimizer.groups" }, "\(changes)")
  }

  @Test func aNameOfNoTensorIsAUsageError() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment.replacing("*.bias", with: "*.gain"), to: "x.toml")
    let outcome = try train(folder)
    #expect(outcome.status == 64)
    #expect(
      outcome.errors.contains(
        "x.toml:13:10: optimizer.groups[0].match[0]: no tensor is called \"*.gain\""),
      "\(outcome.errors)")
  }
}
