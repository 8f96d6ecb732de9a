import Foundation
import RankTesting
import Testing

/// Metrics of a program of the user's own, in real runs.
@Suite struct MetricRunTests {
  /// JSONSerialization reads a decimal to within some units of the last place.
  private static func areClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-14 * abs(b) }

  /// Whether a value is at least two standard deviations from the mean of those before it.
  private static func isSpike(_ value: Double, _ before: ArraySlice<Double>) -> Bool {
    let mean = before.reduce(0, +) / Double(before.count)
    let squares = before.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return abs(value - mean) >= 2 * (squares / Double(before.count - 1)).squareRoot()
  }

  private static func share(_ spikes: ArraySlice<Bool>) -> Double {
    Double(spikes.count { $0 }) / Double(spikes.count)
  }

  @Test func registeredMetricsAreRecordedResumedAndShown() throws {
    let folder = TemporaryFolder()
    folder.write(ResumeTests.experiment, to: "test.toml")
    let outcome = try Programs.mpirun(2, ["metrics", folder.path])
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    let whole = try folder.records("whole/metrics.jsonl")
    let resumed = try folder.records("resumed/metrics.jsonl")
    #expect(whole.count == 30 && resumed.count == 30)
    var norms: [Double] = []
    var losses: [Double] = []
    var areSpikes: [Bool] = []
    for (record, other) in zip(whole, resumed) {
      norms.append(
        try #require((record["norm"] as? NSDictionary)?["global"] as? Double))
      let mean = try #require(record["norm_mean"] as? NSDictionary)
      #expect(mean == other["norm_mean"] as? NSDictionary)
      #expect(record["loss_bits"] as? Double == other["loss_bits"] as? Double)
      let bits = try #require(record["loss_bits"] as? Double)
      let loss = try #require(record["loss"] as? Double)
      #expect(Self.areClose(bits, loss / 0.6931471805599453))
      let last = norms.suffix(7)
      if last.count < 7 {
        #expect(mean["of_7"] is NSNull)
      } else {
        #expect(Self.areClose(try #require(mean["of_7"] as? Double), last.reduce(0, +) / 7))
      }
      // Windows of 10 steps, of which two must be there.
      let before = losses.suffix(10)
      if before.count >= 2 { areSpikes.append(Self.isSpike(loss, before)) }
      losses.append(loss)
      let score = (record["spike_score"] as? NSDictionary)?["loss"]
      if areSpikes.isEmpty {
        #expect(score is NSNull)
      } else {
        #expect(Self.areClose(try #require(score as? Double), Self.share(areSpikes.suffix(10))))
      }
    }
    #expect(areSpikes.contains(true) && areSpikes.contains(false))
    for run in ["whole", "resumed"] {
      let score = try #require(
        try folder.json("\(run)/report.json")["spike_score"] as? NSDictionary)
      #expect(Self.areClose(try #require(score["loss"] as? Double), Self.share(areSpikes[...])))
      #expect(score["window"] as? Int == 10 && score["deviations"] as? Double == 2)
    }
    // Both pages are the programs' own: the resumed run's is read back from its files.
    for run in ["whole", "resumed"] {
      let page = try folder.text("\(run)/report.html")
      #expect(page.contains("Loss in bits") && page.contains("mean of 7"), "\(run)")
    }
    // The coordinator was built without them.
    let drawn = try Programs.run(
      Programs.path("lockstep"),
      ["report", "\(folder.path)/whole", "--html", "\(folder.path)/page.html"])
    #expect(drawn.status == 0, "\(drawn.errors)")
    let page = try folder.text("page.html")
    #expect(page.contains("Loss in bits") && page.contains("mean of 7"))
    func table(_ kind: String, _ run: String = "whole") throws -> [Substring] {
      let outcome = try Programs.run(
        Programs.path("lockstep"), ["report", "\(folder.path)/\(run)", "--csv", kind])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output.split(separator: "\n")
    }
    let metrics = try table("metrics")
    #expect(
      metrics.count == 31
        && metrics[0].hasPrefix("step,epoch [epochs],samples [samples],loss,")
        && metrics[0].hasSuffix(
          ",seconds.optimizer [s],spike_score.loss,spike_score.norm,norm_mean.of_7,loss_bits [bits]"
        ), "\(metrics[0])")
    let ranks = try table("ranks")
    #expect(
      ranks.count == 7
        && ranks[0]
          == "rank,host,step,samples [samples],loss,local_norm,seconds.data [s],seconds.compute [s],seconds.reduce [s],seconds.norm [s],seconds.optimizer [s]"
    )
    let final = try #require(try folder.json("whole/report.json")["final"] as? NSDictionary)
    let evaluations = try table("evaluations")
    #expect(evaluations.count == 2 && evaluations[0] == "step,epoch [epochs],loss,accuracy")
    let cells = evaluations[1].split(separator: ",").map { Double($0) }
    #expect(
      cells.count == 4 && cells[0] == 30
        && Self.areClose(cells[2] ?? .nan, final["loss"] as? Double ?? 0)
        && Self.areClose(cells[3] ?? .nan, final["accuracy"] as? Double ?? 0))
    for (arguments, status, words) in [
      (["whole", "--csv", "losses"], 64, "there are metrics, ranks, evaluations"),
      (["none", "--csv", "metrics"], 64, "no such directory"),
      ([".", "--csv", "metrics"], 65, "metrics.jsonl: cannot open it"),
      ([".", "--csv", "evaluations"], 65, "the run has not ended"),
    ] {
      let outcome = try Programs.run(
        Programs.path("lockstep"),
        ["report", "\(folder.path)/\(arguments[0])"] + arguments.dropFirst())
      #expect(
        outcome.status == status && outcome.output.isEmpty && outcome.errors.contains(words)
          && outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
  }
}
