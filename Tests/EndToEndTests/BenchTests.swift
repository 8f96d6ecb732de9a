import Foundation
import RankTesting
import Testing

/// `lockstep bench`, as a script runs it.
@Suite(.serialized) struct BenchTests {
  /// The number of weights by PyTorch's `sum(p.numel() for p in model.parameters())`; an LSTM here
  /// has one bias for PyTorch's two.
  private static let parameters = [
    "mlp-small": 784 * 128 + 128 + 128 * 10 + 10,
    "mlp": 784 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 10 + 10,
    "cnn": 32 * 9 + 32 + 64 * 32 * 9 + 64 + 3136 * 128 + 128 + 1280 + 10,
    "lstm": 96 * 64 + 4 * 256 * (64 + 256 + 1) + 96 * 256 + 96,
    "gpt-cpu": 96 * 128 + 64 * 128 + 4 * (2 * 128 + 12 * 128 * 128) + 128,
    "gpt-baby": 96 * 384 + 256 * 384 + 6 * (2 * 384 + 12 * 384 * 384) + 384,
  ]

  private func bench(_ arguments: [String], in folder: TemporaryFolder) throws -> (
    result: [String: Any], outcome: Outcome
  ) {
    let outcome = try folder.lockstep(["bench"] + arguments).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.split(separator: "\n").count == 1, "one line: \(outcome.output)")
    return (
      try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]),
      outcome
    )
  }

  private func number(_ key: String, _ object: [String: Any]) throws -> Double {
    try #require(object[key] as? Double, "\(key): \(object)")
  }

  @Test(arguments: [
    ("mlp-small", 1, 64, "samples"), ("mlp-small", 2, 64, "samples"), ("mlp", 1, 64, "samples"),
    ("cnn", 1, 64, "samples"),
    ("lstm", 1, 32 * 64, "tokens"), ("gpt-cpu", 1, 12 * 64, "tokens"),
    ("gpt-baby", 1, 4 * 256, "tokens"),
  ])
  func aWorkloadIsTimedInOneLine(_ workload: String, _ ranks: Int, _ units: Int, _ unit: String)
    throws
  {
    let (result, outcome) = try bench(
      [workload, "-n", "\(ranks)", "--steps", "2", "--json"], in: TemporaryFolder())
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(
      result["workload"] as? String == workload && result["ranks"] as? Int == ranks
        && result["unit"] as? String == unit)
    #expect(result["params"] as? Int == Self.parameters[workload])
    let (step, least) = (try number("step_ms", result), try number("min_ms", result))
    #expect(0 < least && least <= step)
    let rate = try number("per_s", result)
    #expect(abs(rate * step / 1e3 / Double(ranks * units) - 1) < 1e-9)
    let (fraction, achieved, reached) = (
      try number("gemm_fraction", result), try number("gflops", result),
      try number("gemm_gflops", result)
    )
    // A ratio of two rates, which depends on the load of the machine and on the library.
    #expect(0.01 < fraction && fraction < 10)
    #expect(abs(fraction * reached / achieved - 1) < 1e-9)
    let (loss, norm) = (try number("loss", result), try number("norm", result))
    // The loss of 96 equally likely tokens, or of ten classes, before training has effect.
    #expect(
      unit == "tokens" ? (4.4...4.9).contains(loss) : (1.0...2.6).contains(loss), "loss \(loss)")
    #expect((0.001...20).contains(norm), "norm \(norm)")
    // At least weights, gradient and moments, each rank with its own gradient; at most all of a
    // small machine.
    let peak = try number("peak_bytes", result)
    #expect(peak > 12 * Double(Self.parameters[workload]!) && peak < 4e9, "\(peak) bytes")
    let seconds = try #require(result["seconds"] as? [String: Double])
    #expect(
      Set(seconds.keys) == ["data", "compute", "reduce", "norm", "optimizer"]
        && seconds.values.allSatisfy { $0 > 0 })
  }

  @Test func theProfileAddsUpAndItsTraceOpens() throws {
    let place = TemporaryFolder()
    let file = place.path("steps.trace.json")
    let (result, outcome) = try bench(
      ["mlp-small", "-n", "2", "--steps", "20", "--profile", "--trace", file], in: place)
    #expect(
      outcome.errors.contains("gradient of layers.1") && outcome.errors.contains(file),
      "\(outcome.errors)")
    let profile = try #require(result["profile"] as? [String: Any])
    let parts = try #require(profile["parts"] as? [[String: Any]])
    #expect(
      parts.map { $0["name"] as? String } == [
        "forward and loss", "gradient of layers.1", "gradient of layers.0",
      ])
    #expect((profile["ranks"] as? [[String: Any]])?.count == 2)

    let trace = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: place.url("steps.trace.json")))
        as? [String: Any])
    let events = try #require(trace["traceEvents"] as? [[String: Any]])
    let names = events.filter {
      $0["ph"] as? String == "M" && $0["name"] as? String == "process_name"
    }
    #expect(names.map { $0["pid"] as? Int } == [0, 1])
    struct Span {
      let name: String
      let start: Double
      let end: Double
    }
    for rank in 0..<2 {
      let spans = try events.filter { $0["ph"] as? String == "X" && $0["pid"] as? Int == rank }.map
      { event in
        let start = try number("ts", event)
        return Span(
          name: try #require(event["name"] as? String), start: start,
          end: start + (try number("dur", event)))
      }
      let steps = spans.filter { $0.name == "step" }
      #expect(steps.count == 20)
      #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.end <= $1.start })
      #expect(
        spans.allSatisfy { span in
          span.start >= 0
            && steps.contains { $0.start <= span.start + 0.01 && span.end <= $0.end + 0.01 }
        })
      for step in steps {
        let inside = spans.filter { $0.start >= step.start && $0.end <= step.end }
        #expect(
          inside.count { $0.name == "compute" } == 1
            && inside.count { $0.name.hasPrefix("gradient of ") } == 4)
      }
    }
    // A step waits for both ranks, so that those of one number overlap on a common clock.
    let starts = (0..<2).map { rank in
      events.filter { $0["pid"] as? Int == rank && $0["name"] as? String == "step" }
    }
    for (first, second) in zip(starts[0], starts[1]) {
      let (a, b) = (try number("ts", first), try number("ts", second))
      let ends = (try number("dur", first) + a, try number("dur", second) + b)
      #expect(a < ends.1 && b < ends.0)
    }

    let again = try place.lockstep([
      "bench", "mlp-small", "-n", "2", "--steps", "2", "--profile", "--trace", file,
    ]).finish()
    #expect(again.status == 64 && again.errors.contains("--force"), "\(again.errors)")
  }

  @Test func clocksAreComparedToWithinHalfARoundTrip() throws {
    let outcome = try Programs.mpirun(2, ["clock-offset"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test(
    arguments: [
      (["transformer", "-n", "2"], "mlp-small, mlp, cnn, lstm, gpt-cpu, gpt-baby"),
      (["mlp", "-n", "0"], "-n 0"),
      (["mlp", "-n", "1", "--steps", "0"], "--steps 0"),
      (["mlp", "-n", "1", "--trace", "x.json"], "--profile"),
    ] as [([String], String)])
  func misuseIsOneLineAndStatus64(_ arguments: [String], _ words: String) throws {
    let outcome = try TemporaryFolder().lockstep(["bench"] + arguments).finish()
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(
      outcome.errors.split(separator: "\n").count == 1 && outcome.errors.contains(words),
      "\(outcome.errors)")
  }
}
