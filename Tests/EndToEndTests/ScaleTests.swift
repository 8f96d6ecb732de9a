import Foundation
import RankTesting
import Testing

/// `lockstep scale` and `lockstep run --simulate`, as a user runs them.
@Suite(.serialized) struct ScaleTests {
  private func experiment(_ folder: TemporaryFolder) -> String {
    folder.write(
      """
      name = "blobs"
      [model]
      hidden = [64]
      [data]
      kind = "blobs"
      samples = 2000
      classes = 4
      dimensions = 20
      [training]
      global_batch = 96
      micro_batch = 24
      """, to: "blobs.toml")
  }

  private func object(_ folder: TemporaryFolder, _ name: String) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: folder.url(name))) as? [String: Any])
  }

  @Test func aStudyIsMeasuredFittedPredictedAndContinued() throws {
    let folder = TemporaryFolder()
    let line = [
      "scale", experiment(folder), "--ranks", "1,2", "--mode", "weak", "--repeats", "2",
      "--steps", "60", "--warm-up", "10",
      "--target-loss", "1.0", "--predict", "8,1024", "--ranks-per-host", "4", "--latency", "20us",
      "--bandwidth", "10Gbit/s", "--output",
      folder.path("study"),
    ]
    let outcome = try folder.lockstep(line).finish()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("weak scaling, 96 samples a rank and step"))
    #expect(
      outcome.errors.split(separator: "\n").count { $0.hasPrefix("point ") } == 4,
      "\(outcome.errors)")

    let scale = try object(folder, "study/scale.json")
    let points = try #require(scale["points"] as? [[String: Any]])
    #expect(
      points.map { $0["ranks"] as? Int } == [1, 2]
        && points.map { $0["global_batch"] as? Int } == [96, 192])
    let base = try #require((points[0]["step_seconds"] as? [String: Any])?["median"] as? Double)
    let two = try #require((points[1]["step_seconds"] as? [String: Any])?["median"] as? Double)
    let speedUp = try #require(points[1]["speed_up"] as? Double)
    #expect(abs(speedUp - 2 * base / two) < 1e-9 && points[0]["speed_up"] as? Double == 1)
    #expect(points.allSatisfy { ($0["repeats"] as? [Any])?.count == 2 })
    #expect((points[1]["per_rank"] as? [Any])?.count == 2 && points[1]["exchange"] != nil)
    let efficiency = try #require(scale["efficiency"] as? [String: Any])
    let rows = try #require(efficiency["rows"] as? [[String: Any]])
    for row in rows {
      let (steps, batch) = (
        try #require(row["steps"] as? Double), try #require(row["global_batch"] as? Double)
      )
      #expect(abs(try #require(row["samples"] as? Double) - steps * batch) < 1e-9 * steps * batch)
    }
    // A2: the prediction is computed, so its last bits may differ.
    let (first, forecast) = (
      try #require(rows[0]["steps"] as? Double), try #require(rows[0]["forecast_steps"] as? Double)
    )
    #expect(abs(forecast - first) < 1e-9 * first, "the smallest batch is what forecasts start from")
    // B6: two rank counts support no prediction, and no law.
    #expect(
      (scale["predictions"] as? [Any])?.isEmpty == true && !outcome.output.contains("predicted for")
    )
    #expect(
      outcome.output.contains("a step     not supported: ")
        && outcome.output.contains("Gustafson  not supported: "))
    let csv = try String(contentsOf: folder.url("study/points.csv"), encoding: .utf8)
    #expect(csv.hasPrefix("ranks,repeat,global_batch,") && csv.split(separator: "\n").count == 5)
    let asRun = try folder.lockstep(["report", folder.path("study")]).finish()
    #expect(
      asRun.status == 64
        && asRun.errors.contains("holds a study of weak scaling, not a run: read "),
      "\(asRun.errors)")
    let page = try String(contentsOf: folder.url("study/report.html"), encoding: .utf8)
    #expect(
      page.contains("<svg") && page.contains("Speed-up") && !page.contains("href=\"http")
        && !page.contains("<script"))

    let again = try folder.lockstep(line).finish()
    #expect(again.status == 64 && again.errors.contains("holds a study already"))
    let kept = try Data(contentsOf: folder.url("study/points/ranks-2/repeat-1/metrics.jsonl"))
    let more = try folder.lockstep(
      line.map { $0 == "1,2" ? "1,2,3" : $0 } + ["--resume", "--json"]
    ).finish()
    #expect(try Data(more.output.utf8) == Data(contentsOf: folder.url("study/scale.json")))
    #expect(more.status == 0, "\(more.errors)")
    #expect(
      more.errors.split(separator: "\n").count { $0.hasPrefix("point ") } == 2,
      "only what is missing is run: \(more.errors)")
    #expect(try Data(contentsOf: folder.url("study/points/ranks-2/repeat-1/metrics.jsonl")) == kept)
    let other = try folder.lockstep(line + ["--resume", "--set", "seed=9"]).finish()
    #expect(
      other.status == 64 && other.errors.contains("a study of something else"), "\(other.errors)")
  }

  @Test func aSimulatedRunIsMarkedAndHasTheSameWeights() throws {
    let folder = TemporaryFolder()
    let file = experiment(folder)
    let simulation = "latency=2ms,bandwidth=100Mbit/s,hosts=2,straggler=1:3"
    let short = ["-n", "2", "--quiet", "--set", "training.steps=10"]
    let real = try folder.lockstep(["run", file, "--output", folder.path("real")] + short).finish()
    let simulated = try folder.lockstep(
      ["run", file, "--output", folder.path("slow"), "--simulate", simulation] + short
    ).finish()
    #expect(real.status == 0 && simulated.status == 0, "\(simulated.errors)")
    #expect(
      simulated.output.contains("simulated")
        && simulated.output.contains("2 hosts of 1 rank, links of 100 Mbit/s and 2 ms"),
      "\(simulated.output)")
    #expect(!real.output.contains("simulated"))
    #expect(try object(folder, "slow/environment.json")["simulation"] as? String == simulation)
    let reports = try ["real", "slow"].map { try object(folder, "\($0)/report.json") }
    #expect(
      reports[0]["weights_sha256"] as? String == reports[1]["weights_sha256"] as? String
        && reports[0]["simulation"] == nil)
    let steps = try reports.map {
      try #require(($0["throughput"] as? [String: Any])?["step_ms_median"] as? Double)
    }
    // A reduce-scatter, the ledger and an all-gather: three rounds of 2 ms at least.
    #expect(steps[1] >= 6 && steps[1] > steps[0], "\(steps)")
  }

  // C3, D2: a study locks its directory as one run does, and continues where it was stopped.
  @Test func aRunningStudyLocksItsDirectoryAndAStoppedOneContinues() throws {
    let folder = TemporaryFolder()
    let line = [
      "scale", experiment(folder), "--ranks", "1", "--repeats", "2", "--steps", "5000",
      "--warm-up", "10", "--output", folder.path("study"),
    ]
    let job = try folder.lockstep(line)
    try #require(job.wait { job.errors.contains("point 2 of 2") }, "\(job.errors)")
    for option in ["--force", "--resume"] {
      let second = try folder.lockstep(line + [option]).finish()
      #expect(
        second.status == 64 && second.errors.contains("process \(job.identifier) on "),
        "\(second.errors)")
    }
    job.signal(SIGTERM)
    let outcome = try job.finish()
    let last = outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
    #expect(
      outcome.status == 75 && last.contains("to go on: ") && last.hasSuffix(" --resume"),
      "\(outcome.errors)")
    let rest = try folder.lockstep(line + ["--resume"]).finish()
    #expect(
      rest.status == 0 && rest.errors.contains("point 1 of 1: 1 rank, repeat "), "\(rest.errors)")
  }

  // B6
  @Test func aStragglerWhoseRankIsAbsentIsIgnored() throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep([
      "scale", experiment(folder), "--ranks", "1,2", "--repeats", "1", "--steps", "6",
      "--warm-up", "2", "--simulate", "straggler=1:3",
      "--output", folder.path("study"),
    ]).finish()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.errors.contains(
        "note: straggler=1:3.0 is absent where there is no rank 1: at --ranks 1\n"),
      "\(outcome.errors)")
    #expect(
      try object(folder, "study/points/ranks-1/repeat-1/environment.json")["simulation"] == nil)
    #expect(
      try object(folder, "study/points/ranks-2/repeat-1/environment.json")["simulation"] as? String
        == "straggler=1:3")
  }

  @Test(arguments: [
    (["--ranks", "0"], "--ranks 0"),
    (["--ranks", "1", "--mode", "quick"], "there are strong, weak"),
    (["--ranks", "1", "--repeats", "0"], "--repeats 0"),
    (["--ranks", "1", "--steps", "5"], "--steps 5"),
    (["--ranks", "1", "--predict", "x"], "--predict x"),
    (["--ranks", "1", "--latency", "soon"], "--latency soon"),
    (["--ranks", "1", "--bandwidth", "10"], "--bandwidth 10"),
    (["--ranks", "1", "--simulate", "hosts=0"], "--simulate: hosts=0"),
    (["--ranks", "1", "--resume", "--force"], "give one of them"),
  ])
  func misuseIsOneLineAndStatus64(_ arguments: [String], _ words: String) throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(
      ["scale", experiment(folder), "--output", folder.path("study")] + arguments
    ).finish()
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.errors)")
    #expect(
      outcome.errors.split(separator: "\n").count == 1 && outcome.errors.contains(words),
      "\(outcome.errors)")
  }
}
