import Foundation
import RankTesting
import Testing

@Suite struct ResumeTests {
  static let experiment = """
    [model]
    hidden = [9]
    [data]
    kind = "blobs"
    samples = 333
    classes = 5
    dimensions = 8
    [training]
    global_batch = 50
    micro_batch = 7
    steps = 30
    [optimizer]
    kind = "momentum"
    learning_rate = 0.02
    [schedule]
    kind = "cosine"
    [clip]
    rule = "global"
    max_norm = 0.5
    [checkpoint]
    every = 10
    """

  /// A step's record without its time.
  private func untimed(_ records: [NSDictionary]) -> [NSDictionary] {
    records.map { record in
      let copy = record.mutableCopy() as! NSMutableDictionary
      copy.removeObject(forKey: "seconds")
      return copy
    }
  }

  @Test func resumedRunsEndWithTheSameBits() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "test.toml")
    let outcome = try Programs.mpirun(4, ["resume", folder.path])
    print("resume, \(outcome.seconds) s")
    outcome.expectCasesPass()
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    for kind in ["replicated", "messages", "shared"].flatMap({ ["\($0)-momentum", "\($0)-adamw"] })
    {
      let whole = try folder.records("\(kind)/metrics.jsonl")
      #expect(whole.map { $0["step"] as? Int } == Array(1...30))
      #expect(
        untimed(try folder.records("\(kind)-resumed/metrics.jsonl")) == untimed(whole), "\(kind)")
      let (report, resumed) = (
        try folder.json("\(kind)/report.json"), try folder.json("\(kind)-resumed/report.json")
      )
      for key in [
        "weights_sha256", "verdict", "reasons", "steps", "samples", "final", "norm", "noise_scale",
      ] {
        #expect(report[key] as? NSObject == resumed[key] as? NSObject, "\(kind): \(key)")
      }
      #expect(report["weights_sha256"] is String)
      // B4: the report counts the ranks' time of the whole run; all fields but times equal those of
      // the run that was never interrupted.
      func ranks(_ report: NSDictionary) throws -> [[String: Any]] {
        try #require(report["ranks"] as? [[String: Any]])
      }
      for key in ["samples", "final_loss", "mean_local_norm"] {
        let (found, truth) = (
          try ranks(resumed).map { $0[key] as? Double },
          try ranks(report).map { $0[key] as? Double }
        )
        #expect(
          zip(found, truth).allSatisfy {
            abs(($0 ?? .nan) - ($1 ?? .nan)) <= 1e-12 * abs($1 ?? .nan)
          }, "\(kind) \(key): \(found) \(truth)")
      }
      let rankSteps = try folder.records("\(kind)-resumed/ranks.jsonl").map { $0["step"] as? Int }
      #expect(rankSteps == [10, 10, 10, 20, 20, 20, 30, 30, 30])
      for ranks in [1, 2, 4] {
        let other = try folder.records("\(kind)-on-\(ranks)/metrics.jsonl")
        #expect(other.map { $0["step"] as? Int } == Array(1...30))
        #expect(other.map { $0["samples"] as? Int } == whole.map { $0["samples"] as? Int })
        let onOthers = try folder.json("\(kind)-on-\(ranks)/report.json")
        let counted = try #require(onOthers["ranks"] as? [[String: Any]]).compactMap {
          $0["samples"] as? Int
        }
        #expect(
          counted.count == ranks && counted.reduce(0, +) == onOthers["samples"] as? Int,
          "\(kind) on \(ranks) ranks: \(counted)")
        for (a, b) in zip(other, whole) {
          let losses = (try #require(a["loss"] as? Double), try #require(b["loss"] as? Double))
          #expect(abs(losses.0 - losses.1) < 1e-4 * losses.1)
        }
      }
    }
    // The damaged checkpoint is removed once another has replaced it.
    let checkpoints = try FileManager.default.contentsOfDirectory(
      atPath: folder.path + "/shared-adamw-damaged/checkpoints"
    ).sorted()
    #expect(checkpoints == ["step-00000010", "step-00000020", "step-00000030"])
  }

  /// USR1 to one rank writes a checkpoint, USR2 to another stops all at the same step; the worker
  /// resumes from there.
  @Test func aSignalToOneRankStopsAll() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "test.toml")
    let stopped = try Programs.mpirun(3, ["stop", folder.path])
    #expect(stopped.status == 75, "\(stopped.errors)")
    #expect(
      folder.exists("run/checkpoints/step-00000004/state.json")
        && folder.exists("run/checkpoints/step-00000007/state.json"))
    #expect(!folder.exists("run/final.safetensors"))
    #expect(try folder.json("run/report.json")["verdict"] as? String == "stopped")
    // B4: nothing was evaluated, and the loss of one batch is no substitute.
    let final = try #require(try folder.json("run/report.json")["final"] as? NSDictionary)
    #expect(final["loss"] is NSNull && final["accuracy"] is NSNull && final["grad_norm"] is Double)
    #expect(try folder.records("run/metrics.jsonl").map { $0["step"] as? Int } == Array(1...7))

    let worker = ["\(folder.path)/test.toml", "--output"]
    let resumed = try Programs.mpirun(
      3, worker + ["\(folder.path)/run", "--resume"], program: "lockstep-worker")
    #expect(
      resumed.status == 0 && resumed.output.contains("resumed after step 7"), "\(resumed.errors)")
    let whole = try Programs.mpirun(
      3, worker + ["\(folder.path)/whole"], program: "lockstep-worker")
    #expect(whole.status == 0)
    #expect(
      untimed(try folder.records("run/metrics.jsonl"))
        == untimed(try folder.records("whole/metrics.jsonl")))
    #expect(
      try folder.json("run/report.json")["weights_sha256"] as? String == folder.json(
        "whole/report.json")["weights_sha256"] as? String)

    // A damaged newest checkpoint is skipped with a note. Without any sound checkpoint the job
    // ends; with another run's it ends too.
    func resume(_ options: String...) throws -> Outcome {
      try Programs.mpirun(
        2, worker + ["\(folder.path)/whole", "--resume"] + options, program: "lockstep-worker")
    }
    for (key, value) in [
      ("seed", "2"), ("training.global_batch", "51"), ("data.order", "sequential"),
    ] {
      let other = try resume("--set", "\(key)=\(value)")
      #expect(
        other.status == 64 && other.rankLines.count == 1
          && other.rankLines[0].contains("\(key) is \(value)"), "\(other.errors)")
    }
    func damage(_ step: String) throws {
      let file = URL(
        filePath: "\(folder.path)/whole/checkpoints/step-000000\(step)/model.safetensors")
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count - 5] ^= 4
      try bytes.write(to: file)
    }
    try damage("30")
    let older = try resume()
    #expect(
      older.status == 0 && older.output.contains("note: checkpoint step 30 is passed over"),
      "\(older.output) \(older.errors)")
    #expect(older.output.contains("note: resumed after step 20"))
    #expect(try folder.records("whole/metrics.jsonl").map { $0["step"] as? Int } == Array(1...30))
    for step in ["10", "20", "30"] { try damage(step) }
    let none = try resume()
    #expect(
      none.status == 65 && none.rankLines.count == 1
        && none.rankLines[0].contains("model.safetensors"), "\(none.errors)")
  }
}
