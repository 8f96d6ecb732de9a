import Foundation
import RankTesting
import Testing

/// The step on several ranks: each test is a program that checks itself on every rank.
@Suite struct StepTests {
  @Test(
    arguments: [
      ("oracle", 5), ("norm-traps", 5), ("ledger-calls", 4), ("ledger-windows", 8), ("skip", 5),
    ])
  func ranksAgreeWithTheFormulas(_ program: String, _ ranks: Int) throws {
    let outcome = try Programs.mpirun(ranks, [program])
    outcome.expectCasesPass()
    print("\(program), \(outcome.seconds) s: \(outcome.output)")
  }

  /// One step is not finite on one rank, and one on all: the user gets a warning, and the files
  /// stay valid.
  @Test func skippedStepsAreReportedAndCounted() throws {
    let folder = TemporaryFolder()
    folder.write(
      """
      [model]
      hidden = [7]
      [data]
      kind = "blobs"
      samples = 500
      classes = 5
      dimensions = 6
      [training]
      global_batch = 40
      steps = 8
      [guard]
      autopsy = false
      [report]
      every = 1
      """, to: "test.toml")
    let outcome = try Programs.mpirun(3, ["skip-run", folder.path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let host = ProcessInfo.processInfo.hostName
    let first =
      "step 5 is skipped by all ranks: the gradient of layers.0.weight is not finite on rank 1 (\(host)); it drew samples 174 to 186 of epoch 0's order"
    let second =
      "step 6 is skipped by all ranks: the gradient of layers.0.bias is not finite on rank 0 (\(host)), and 2 more"
    #expect(
      outcome.output.contains("warning: " + first + "\n")
        && outcome.output.contains("warning: " + second))
    for rank in 0..<3 { #expect(try folder.text("run/logs/rank-\(rank).log").contains(first)) }

    let steps = try folder.records("run/metrics.jsonl")
    #expect(steps.map { $0["step"] as? Int } == Array(1...8))
    #expect(steps.map { $0["samples"] as? Int } == (1...8).map { 40 * $0 })
    for (index, step) in steps.enumerated() {
      let norm = try #require(step["norm"] as? NSDictionary)
      let isSkip = [4, 5].contains(index)
      #expect((step["action"] as? String == "skip") == isSkip)
      #expect((norm["global"] is NSNull) == isSkip && (norm["coefficient"] is NSNull) == isSkip)
      #expect((step["reason"] != nil) == isSkip)
      if isSkip {
        #expect(step["update_norm"] as? Double == 0)
      } else {
        #expect(try #require(step["update_norm"] as? Double) > 0)
      }
    }
    #expect(
      steps[4]["reason"] as? String == "the gradient of layers.0.weight is not finite on rank 1")
    let largest = try [4, 5].map {
      try #require((steps[$0]["norm"] as? NSDictionary)?["max_local"] as? NSDictionary)
    }
    #expect(largest[0]["rank"] as? Int != 1 && largest[0]["value"] is Double)
    #expect(largest[1]["rank"] is NSNull && largest[1]["value"] is NSNull)
    // The weights do not change: their norm before the next update is that before the skipped
    // steps.
    #expect(steps[4]["weight_norm"] is NSNull)

    let ranks = try folder.records("run/ranks.jsonl").filter { $0["step"] as? Int == 5 }
    #expect(ranks.map { $0["local_norm"] is NSNull } == [false, true, false])
    let report = try folder.json("run/report.json")
    #expect((report["norm"] as? NSDictionary)?["skipped"] as? Int == 2)
    #expect(report["steps"] as? Int == 8)
    let skips = try #require(report["skips"] as? [NSDictionary])
    #expect(
      skips.map { $0["step"] as? Int } == [5, 6] && skips[0]["rank"] as? Int == 1
        && skips[0]["tensor"] as? String == "layers.0.weight")
    #expect(report["weights_sha256"] is String)
  }
}
