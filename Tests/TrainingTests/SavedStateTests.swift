import Configuration
import Foundation
import GradientNorms
import RankTesting
import Testing
import Training

/// State belongs to the kind that made it, and to the settings that give it its meaning: another
/// kind starts afresh. // C4
@Suite struct SavedStateTests {
  private func experiment(_ overrides: [String]) throws -> Experiment {
    try Experiment(
      text: "[training]\nglobal_batch = 32\nsteps = 20", source: "x.toml", overrides: overrides)
  }

  /// A memory of which every part has been used.
  private func used() throws -> Trainer.Memory {
    var memory = Trainer.Memory(globalBatch: 512)
    struct State: Encodable {
      var factor: Double
      var waited: Int
    }
    memory.policy.clip = try StateValue(["norms": [1.0, 2.0, 3.0]])
    memory.rates = try StateValue(State(factor: 0.00001, waited: 40))
    memory.stop = .fields([
      "values": .list([1, 2, 3, 4].map { .integer($0) }), "reason": .text("it was flat"),
    ])
    memory.lastUpdate = [0.5, 2]
    return memory
  }

  private func resumed(_ old: [String], _ new: [String]) throws -> (
    memory: Trainer.Memory, optimizerSteps: Int?, notes: [String]
  ) {
    let saved = TrainerState(
      try used(), TrainerState.Tags(TrainerSettings(try experiment(old))), optimizerSteps: 17)
    let read = try JSONDecoder().decode(TrainerState.self, from: JSONEncoder().encode(saved))
    #expect(read == saved)
    return read.memory(for: TrainerSettings(try experiment(new)))
  }

  private static let all = [
    "clip.rule=percentile", "schedule.kind=plateau-on-norm", "schedule.batch=noise-scale",
    "stop.rule=loss", "stop.window=2",
    "optimizer.kind=momentum",
  ]

  @Test func theSameKindsContinue() throws {
    let same = try resumed(Self.all, Self.all)
    #expect(try same.memory == used() && same.optimizerSteps == 17 && same.notes.isEmpty)
    // Settings that only weight the memory.
    let weighed = try resumed(
      Self.all,
      Self.all + [
        "clip.percentile=50", "schedule.factor=0.1", "optimizer.momentum=0.5",
        "schedule.max_batch=512", "guard.spike=9",
      ])
    #expect(try weighed.memory == used() && weighed.optimizerSteps == 17 && weighed.notes.isEmpty)
  }

  @Test func anotherKindStartsAfresh() throws {
    func other(_ key: String) throws -> (
      memory: Trainer.Memory, optimizerSteps: Int?, notes: [String]
    ) {
      let result = try resumed(
        Self.all, Self.all.filter { $0.prefix { $0 != "=" } != key.prefix { $0 != "=" } } + [key])
      #expect(
        result.notes.count == 1 && result.notes[0].contains("afresh"), "\(key): \(result.notes)")
      return result
    }
    #expect(try other("clip.rule=zscore").memory.policy.clip == .none)
    #expect(try other("schedule.kind=constant").memory.rates == .none)
    #expect(try other("schedule.batch=constant").memory.globalBatch == 32)
    #expect(try other("optimizer.kind=adamw").optimizerSteps == nil)
    for key in ["stop.window=1", "stop.change=0.5"] {
      #expect(try other(key).memory.stop == .none, "\(key)")
    }
    let removed = try resumed(Self.all, Self.all.filter { !$0.hasPrefix("stop.") })
    #expect(removed.memory.stop == .none && removed.notes.count == 1)
    // The warm-up's norms are a mean already, or not yet.
    let zscore = ["clip.rule=zscore", "clip.warmup_steps=2"]
    #expect(
      try resumed(zscore, ["clip.rule=zscore", "clip.warmup_steps=9"]).memory.policy.clip == .none)
    #expect(try resumed(zscore, zscore).memory.policy.clip != .none)
    // A batch that has grown is cut to a smaller limit.
    #expect(try resumed(Self.all, Self.all + ["schedule.max_batch=100"]).memory.globalBatch == 100)
  }

  /// A file may hold any value as the state of another kind.
  @Test func aStateOfAnotherShapeIsIgnored() throws {
    let text = Data("{\"kind\":\"zscore\",\"settings\":[],\"state\":{\"mean\":\"none\"}}".utf8)
    let saved = try JSONDecoder().decode(SavedState<StateValue>.self, from: text)
    let state = try #require(saved.state(for: StateTag("zscore")))
    #expect(
      !ZScoreClip().accepts(state, tensorCount: 1) && saved.state(for: StateTag("ema")) == nil)
  }

  /// Real runs: the rules of the second half are those of its keys. // C4
  @Test func aRunContinuesWithOtherRules() throws {
    let folder = TemporaryFolder()
    folder.write(
      """
      [model]
      kind = "logistic"
      [data]
      kind = "blobs"
      samples = 200
      [training]
      global_batch = 20
      steps = 40
      [optimizer]
      learning_rate = 0.1
      [schedule]
      kind = "plateau-on-norm"
      patience = 2
      [clip]
      rule = "percentile"
      [stop]
      rule = "loss"
      change = 100.0
      window = 4
      [checkpoint]
      every = 5
      """, to: "x.toml")
    func worker(_ options: String...) throws -> Outcome {
      try Programs.run(
        Programs.path("lockstep-worker"),
        ["\(folder.path)/x.toml", "--output", "\(folder.path)/run"] + options)
    }
    let first = try worker()
    #expect(first.status == 0, "\(first.errors)")
    #expect(try folder.json("run/report.json")["steps"] as? Int == 8)
    let second = try worker(
      "--resume", "--set", "stop.rule=none", "--set", "clip.rule=zscore", "--set",
      "schedule.kind=constant", "--set", "optimizer.kind=adamw",
      "--set", "optimizer.learning_rate=0.01")
    #expect(
      second.status == 0
        && second.output.contains("optimizer.kind is adamw from step 9 on, and was sgd"),
      "\(second.errors)")
    let records = try folder.records("run/metrics.jsonl")
    #expect(records.map { $0["step"] as? Int } == Array(1...40))
    for record in records.dropFirst(8) {
      #expect(record["learning_rate"] as? Double == 0.01)
      let norm = try #require(record["norm"] as? NSDictionary)
      #expect((norm["applied"] as? Double ?? 0) > 0 && (record["update_norm"] as? Double ?? 0) > 0)
    }
  }

  /// A run resumes from a checkpoint of version 1, whose states do not name their kind.
  @Test func aCheckpointOfAnOlderVersionIsRead() throws {
    let folder = TemporaryFolder()
    let old = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil)).appending(
      path: "run-of-version-1")
    try FileManager.default.copyItem(atPath: old.path, toPath: "\(folder.path)/run")
    func worker(_ output: String, _ options: String...) throws -> Outcome {
      try Programs.run(
        Programs.path("lockstep-worker"),
        [
          "\(old.path)/experiment.toml", "--output", "\(folder.path)/\(output)", "--set",
          "training.steps=60",
        ] + options)
    }
    let resumed = try worker("run", "--resume")
    #expect(
      resumed.status == 0 && resumed.output.contains("resumed after step 30"),
      "\(resumed.output) \(resumed.errors)")
    #expect(!resumed.output.contains("afresh"), "\(resumed.output)")
    let whole = try worker("whole")
    #expect(whole.status == 0, "\(whole.errors)")
    let losses = try folder.records("run/metrics.jsonl").suffix(30).map {
      $0["loss"] as? Double ?? -1
    }
    let expected = try folder.records("whole/metrics.jsonl").suffix(30).map {
      $0["loss"] as? Double ?? -2
    }
    #expect(losses.count == 30 && zip(losses, expected).allSatisfy { abs($0 - $1) < 1e-3 * $1 })
  }
}
