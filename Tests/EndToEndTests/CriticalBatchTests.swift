import Foundation
import RankTesting
import Testing

/// `lockstep critical-batch` and the schedule that follows its result, as a user runs them.
@Suite(.serialized) struct CriticalBatchTests {
  /// Half of it is two epochs, and the branches go on to its end.
  private func experiment(_ folder: TemporaryFolder) -> String {
    folder.write(
      """
      name = "blobs"
      [model]
      kind = "logistic"
      [data]
      kind = "blobs"
      samples = 1000
      classes = 5
      dimensions = 8
      spread = 3.0
      [training]
      global_batch = 16
      micro_batch = 4
      epochs = 4
      reproducible = true
      [optimizer]
      kind = "momentum"
      learning_rate = 0.002
      [schedule]
      kind = "cosine"
      [report]
      tensorboard = false
      """, to: "blobs.toml")
  }

  private func line(_ folder: TemporaryFolder, _ output: String) -> [String] {
    [
      "critical-batch", experiment(folder), "-n", "2", "--factors", "1,2,8", "--orders", "2",
      "--samples", "1800", "--output", folder.path(output),
    ]
  }

  private func object(_ folder: TemporaryFolder, _ name: String) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: folder.url(name))) as? [String: Any])
  }

  @Test func aMeasurementHasATableIsResumedToTheBitAndIsFollowed() throws {
    let folder = TemporaryFolder()
    let whole = try folder.lockstep(line(folder, "whole")).finish()
    #expect(whole.status == 0, "\(whole.errors)")
    let table = whole.output
    #expect(
      table.contains("blobs: branches after step 114 (1,800 samples)\n")
        && table.contains("each over 1,800 samples, in 2 orders; learning rate x k\n")
        && table.contains("k  batch  steps") && table.contains("critical batch: ")
        && table.contains("steps to a loss of ") && table.contains("noise scale of ranks: ")
        && table.contains("noise scale of samples: "), "\(table)")
    #expect(whole.errors.contains("k = 8, order 2 of 2\n"), "\(whole.errors)")

    let result = try object(folder, "whole/critical-batch.json")
    let batches = try #require(result["batches"] as? [[String: Any]])
    #expect(batches.map { $0["batch"] as? Int } == [16, 32, 128])
    func orders(_ row: [String: Any]) throws -> [[String: Any]] {
      try #require(row["orders"] as? [[String: Any]])
    }
    // An epoch of 900 samples has 57 steps of 16, 29 of 32, 8 of 128.
    #expect(
      try batches.map { try orders($0).map { $0["steps"] as? Int } } == [
        [114, 114], [58, 58], [16, 16],
      ])

    // The branch of k = 1 in the first order is the run that is not interrupted.
    let run = try folder.lockstep(
      [
        "run", experiment(folder), "-n", "1", "--quiet", "--output", folder.path("run"), "--set",
        "evaluation.split=0.1",
      ]
    ).finish()
    #expect(run.status == 0, "\(run.errors)")
    let digest = try #require(try object(folder, "run/report.json")["weights_sha256"] as? String)
    let own = try orders(batches[0])
    #expect(own[0]["weights_sha256"] as? String == digest)
    #expect(own[1]["weights_sha256"] as? String != digest, "the second order is another one")
    // What its loss is of: the rows held out, at the end.
    let evaluations = try String(contentsOf: folder.url("run/evaluations.jsonl"), encoding: .utf8)
    let last = try #require(evaluations.split(separator: "\n").last)
    let record = try #require(
      try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
    #expect(own[0]["loss"] as? Double == record["loss"] as? Double)

    // Killed within a branch, the same command comes to the same file.
    let killed = try folder.lockstep(line(folder, "killed"))
    try #require(killed.wait { killed.errors.contains("k = 2, order 2 of 2") }, "\(killed.errors)")
    killed.signal(SIGKILL)
    _ = try killed.finish()
    try #require(killed.wait { killed.descendants.isEmpty })
    let resumed = try folder.lockstep(line(folder, "killed") + ["--json"]).finish()
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(
      !resumed.errors.contains("order 1 of 2") && resumed.errors.contains("k = 8, order 2 of 2"),
      "only what had not ended is run: \(resumed.errors)")
    let file = try Data(contentsOf: folder.url("whole/critical-batch.json"))
    #expect(try Data(contentsOf: folder.url("killed/critical-batch.json")) == file)
    #expect(Data(resumed.output.utf8) == file)

    let other = try folder.lockstep(line(folder, "whole") + ["--set", "seed=3"]).finish()
    #expect(
      other.status == 64 && other.errors.contains("holds a measurement with other options"),
      "\(other.errors)")
    let asRun = try folder.lockstep(["report", folder.path("whole")]).finish()
    #expect(asRun.status == 64 && asRun.errors.contains("holds a measured critical batch"))

    try follow(folder)
  }

  /// A run by a measured batch: larger steps from there on, at a larger rate, over the samples that
  /// the run has anyway; its resolved file repeats it without the measurement.
  private func follow(_ folder: TemporaryFolder) throws {
    folder.write(#"{"samples": 1800, "critical_batch": 64}"#, to: "measured.json")
    let keys = [
      "--set", "schedule.batch=critical", "--set",
      "schedule.critical=\(folder.path("measured.json"))",
      "--set", "schedule.kind=constant", "--quiet",
    ]
    let run = try folder.lockstep(
      ["run", experiment(folder), "-n", "2", "--output", folder.path("grown")] + keys
    ).finish()
    #expect(run.status == 0, "\(run.errors)")
    let steps = try String(contentsOf: folder.url("grown/metrics.jsonl"), encoding: .utf8)
      .split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
    // An epoch of 1000 samples is 63 steps of 16; after 113 steps 1,800 samples are done, and 3
    // steps of 64 with one of 8 end the second epoch.
    let expected: [Int] = [63, 50, 4, 16, 16]
    #expect(steps.count == expected.reduce(0, +))
    #expect(steps.last?["samples"] as? Int == 4000)
    #expect(
      steps.allSatisfy {
        $0["learning_rate"] as? Double == (($0["step"] as? Int ?? 0) <= 113 ? 0.002 : 0.008)
      })
    try FileManager.default.removeItem(at: folder.url("measured.json"))
    let again = try folder.lockstep(
      [
        "run", folder.path("grown/experiment.toml"), "-n", "1", "--output", folder.path("again"),
        "--quiet",
      ]
    ).finish()
    #expect(again.status == 0, "\(again.errors)")
    let digests = try ["grown", "again"].map {
      try object(folder, "\($0)/report.json")["weights_sha256"] as? String
    }
    #expect(digests[0] != nil && digests[0] == digests[1])
  }

  @Test(arguments: [
    (["--factors", "1"], "--factors 1: wanted whole numbers from 1 to 65536, one of them above 1"),
    (["--factors", "1,x"], "--factors 1,x: wanted"),
    (["--orders", "1"], "--orders 1: give 2 or more"),
    (["--at", "0"], "--at 0: give 1 or more"),
    (["--set", "data.order=sequential"], "data.order = \"sequential\" has one order of samples"),
    (["--set", "schedule.batch=noise-scale"], "schedule changes the batch"),
    (["--set", "schedule.kind=adascale"], "schedule changes the batch"),
    (["--set", "evaluation.split=2"], "evaluation.split"),
    (["--at", "20", "--factors", "1,99"], "more than the 900 of an epoch"),
    (["--at", "20", "--samples", "60"], "60 samples a branch are fewer than four whole steps"),
    (["--at", "20", "--samples", "9000"], "--samples 9000: after step 20 the run has 3280 more"),
    (["--at", "5000"], "--at 5000: "),
  ])
  func whatIsWrongIsOneLine(_ options: [String], _ message: String) throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(
      ["critical-batch", experiment(folder), "-n", "2", "--quiet", "--output", folder.path("out")]
        + options
    ).finish()
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
    #expect(
      outcome.errors.contains(message) && outcome.errors.split(separator: "\n").count == 1,
      "\(outcome.errors)")
  }
}
