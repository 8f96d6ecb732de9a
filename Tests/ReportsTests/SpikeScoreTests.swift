import Foundation
import GradientNorms
import RankTesting
import Recording
import Testing

/// The spike score against its definition, computed from the whole series at each step.
@Suite struct SpikeScoreTests {
  /// A walk with spikes, skipped steps, values that are missing, and stretches that do not move.
  private static let steps: [StepRecord] = {
    var seed = UInt64(3)
    func uniform() -> Double {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(seed >> 11) / Double(1 << 53)
    }
    return (1...700).map { number in
      var loss: Double? = (200...330).contains(number) ? 0.5 : 0.5 + 0.01 * uniform()
      if uniform() < 0.02 { loss! += uniform() < 0.5 ? 3 : -3 }
      if uniform() < 0.03 { loss = [nil, .nan, .infinity][number % 3] }
      return PageTests.step(number, loss: loss, norm: 1, action: uniform() < 0.05 ? .skip : .clip)
    }
  }()

  /// By the definition: for each of the last `window` steps that were taken, its distance from the
  /// mean of up to `window` taken before it, over their standard deviation.
  private static func expected(_ window: Int, upTo count: Int) -> Double? {
    let values = steps.prefix(count).filter { $0.action != .skip }.map(\.loss)
    var (judged, spikes) = (0, 0)
    for place in max(0, values.count - window)..<values.count {
      guard let value = values[place], value.isFinite else { continue }
      let before = values[max(0, place - window)..<place].compactMap { $0 }.filter(\.isFinite)
      guard before.count >= 2, before.count * 10 >= window else { continue }
      let mean = before.reduce(0, +) / Double(before.count)
      let variance =
        before.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(before.count - 1)
      judged += 1
      if value != mean, abs(value - mean) >= 7 * variance.squareRoot() { spikes += 1 }
    }
    return judged > 0 ? Double(spikes) / Double(judged) : nil
  }

  @Test(arguments: [2, 15, 40, 100, 1000]) func itIsTheShareOfSpikes(window: Int) {
    var metric = SpikeScore(of: "loss", window: window) { $0.loss }
    var scores: [Double?] = []
    for (index, step) in Self.steps.enumerated() {
      scores.append(metric.value(of: step))
      #expect(scores[index] == Self.expected(window, upTo: index + 1), "step \(index + 1)")
    }
    #expect(scores.first == .some(nil))
    if window >= 40 { #expect(Set(scores.compactMap { $0 }).count > 3) }
  }

  @Test func itGoesOnFromTheRecords() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/metrics.jsonl"
    var file = try JSONLinesFile(creating: path)
    var whole = ComputedMetrics([SpikeScore(of: "loss", window: 40) { $0.loss }])
    for (index, step) in Self.steps.enumerated() {
      var step = step
      whole.complete(&step)
      if index % 97 == 96 {
        var resumed = ComputedMetrics([SpikeScore(of: "loss", window: 40) { $0.loss }])
        try resumed.resume(from: path)
        for (later, other) in Self.steps[index...].enumerated() where later < 120 {
          var other = other
          resumed.complete(&other)
          #expect(other.metrics[0].value == Self.expected(40, upTo: index + later + 1))
        }
      }
      try file.append(step)
    }
  }

  /// The share of the whole run, through checkpoints: by the definition at each step.
  @Test func theRunsShareGoesOnFromACheckpoint() throws {
    let window = 40
    let values = Self.steps.filter { $0.action != .skip }.map(\.loss)
    var expected = SpikeCounting()
    for (place, value) in values.enumerated() {
      guard let value, value.isFinite else { continue }
      let before = values[max(0, place - window)..<place].compactMap { $0 }.filter(\.isFinite)
      guard before.count >= 4 else { continue }
      let mean = before.reduce(0, +) / Double(before.count)
      let variance =
        before.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(before.count - 1)
      expected.compared += 1
      if value != mean, abs(value - mean) >= 5 * variance.squareRoot() { expected.spikes += 1 }
    }
    #expect(expected.compared > 600 && expected.spikes > 5)

    func fresh() -> ComputedMetrics {
      ComputedMetrics(Metrics.builtIn, spikeWindow: window, deviations: 5)
    }
    let folder = TemporaryFolder()
    let path = folder.path + "/metrics.jsonl"
    var file = try JSONLinesFile(creating: path)
    var metrics = fresh()
    for (index, step) in Self.steps.enumerated() {
      var step = step
      metrics.complete(&step)
      try file.append(step)
      guard index % 150 == 149 else { continue }
      let saved = try JSONEncoder().encode(metrics.spikeCounts)
      metrics = fresh()
      try metrics.resume(from: path)
      metrics.restore(try JSONDecoder().decode([SpikeCount].self, from: saved))
    }
    let (loss, norm) = (metrics.spikeCounts[0], metrics.spikeCounts[1])
    #expect(loss.name == "loss" && norm.name == "norm")
    #expect(loss.compared == expected.compared && loss.spikes == expected.spikes)
    #expect(loss.share == Double(expected.spikes) / Double(expected.compared))
    // The norms of these steps are all the same.
    #expect(norm.share == 0 && SpikeCount("norm").share == nil)
  }

  private struct SpikeCounting { var (compared, spikes) = (0, 0) }

  /// Counts that no run has are not gone on from.
  @Test(arguments: [(-1, 0), (3, 4), (5, -2)]) func impossibleCountsBeginAt0(
    _ compared: Int, _ spikes: Int
  ) throws {
    let text = "[{\"name\":\"loss\",\"compared\":\(compared),\"spikes\":\(spikes)}]"
    var metrics = ComputedMetrics(Metrics.builtIn)
    metrics.restore(try JSONDecoder().decode([SpikeCount].self, from: Data(text.utf8)))
    #expect(metrics.spikeCounts == [SpikeCount("loss"), SpikeCount("norm")])
  }

  /// One value far off among a thousand is a thousandth, for as long as it is among the last.
  @Test func aSpikeCountsForAWindow() {
    var metric = SpikeScore(of: "norm") { $0.norm.global }
    var scores: [Double?] = []
    for number in 1...2500 {
      let norm = number == 1200 ? 50 : 1 + 0.01 * Double(number % 7)
      scores.append(metric.value(of: PageTests.step(number, loss: 1, norm: norm)))
    }
    #expect(scores[99] == nil && scores[100] == 0 && scores[1198] == 0)
    #expect(scores[1199] == 0.001 && scores[2198] == 0.001 && scores[2199] == 0)
    #expect(metric.memory == 2000 && metric.declaration.name == "spike_score.norm")
  }

  @Test func everyRunHasIt() {
    let names = Metrics.builtIn.map(\.declaration.name)
    #expect(names == ["spike_score.loss", "spike_score.norm"])
    #expect(
      Metrics.builtIn.map(\.declaration.gauge) == ["spike_score_loss", "spike_score_norm"]
        && Metrics.builtIn[0].declaration.tag == "spike_score/loss")
  }
}
