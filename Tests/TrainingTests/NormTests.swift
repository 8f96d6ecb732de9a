import Configuration
import ExperimentKeys
import Foundation
import RankTesting
import Testing
import Training

/// Everything that decides or measures by norms, on 1 to 8 ranks, against formulas computed in one
/// process.
@Suite struct NormTests {
  @Test(arguments: [
    "norm-orders", "norm-rules", "norm-updates", "norm-scopes", "norm-rates", "norm-adaptation",
    "norm-regularization", "norm-guards", "norm-noise",
  ])
  func ranksAgreeWithOneProcess(_ program: String) throws {
    let outcome = try Programs.mpirun(8, [program])
    outcome.expectCasesPass()
    print("\(program), \(outcome.seconds) s: \(outcome.output)")
  }

  static let experiment = """
    seed = 7
    [model]
    hidden = [6]
    [data]
    kind = "blobs"
    samples = 500
    classes = 4
    dimensions = 9
    [training]
    global_batch = 32
    micro_batch = 5
    steps = 60
    [optimizer]
    learning_rate = 0.01
    [guard]
    skip_limit = 3
    autopsy = false
    [checkpoint]
    every = 20
    """

  /// One rank is enough to measure the noise by samples.
  @Test func theNoiseOfAQuadraticIsMeasuredAtOneRank() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(1, ["noise-quadratic", folder.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    print("noise-quadratic, \(outcome.seconds) s: \(outcome.output)")
  }

  @Test func memoriesAreRestored() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "test.toml")
    let outcome = try Programs.mpirun(3, ["norm-resume", folder.path])
    outcome.expectCasesPass()
    print("norm-resume, \(outcome.seconds) s")
    try expectNoiseOfTensors(
      try folder.records("run-noise-layers/metrics.jsonl"),
      resumed: try folder.records("run-noise-layers-resumed/metrics.jsonl"))
  }

  /// `noise.layers` is in the first record and in every tenth, adds up to the whole's, and goes on
  /// to the same values after a checkpoint.
  private func expectNoiseOfTensors(_ whole: [NSDictionary], resumed: [NSDictionary]) throws {
    #expect(whole.count == 60 && resumed.count == 60)
    for (index, (record, other)) in zip(whole, resumed).enumerated() {
      let noise = try #require(record["noise"] as? NSDictionary)
      #expect(noise == other["noise"] as? NSDictionary)
      let layers = noise["layers"] as? [String: NSDictionary]
      #expect((layers != nil) == (index == 0 || (index + 1) % 10 == 0))
      guard let layers else { continue }
      #expect(layers.count == 4)
      let variance = try #require(noise["variance"] as? Double)
      let signal = try #require(noise["signal"] as? Double)
      let sums = layers.values.reduce((variance: 0.0, signal: 0.0)) {
        (
          $0.variance + ($1["variance"] as? Double ?? .nan),
          $0.signal + ($1["signal"] as? Double ?? .nan)
        )
      }
      #expect(abs(sums.variance - variance) < 1e-9 * variance)
      #expect(abs(sums.signal - signal) < 1e-9 * (abs(signal) + variance))
    }
  }

  /// Three skipped steps in a row: a checkpoint, one line, exit code 70; the run can resume from
  /// the checkpoint.
  @Test func tooManySkipsEndTheRun() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "test.toml")
    let outcome = try Programs.mpirun(3, ["norm-skip-limit", folder.path])
    #expect(outcome.status == 70, "\(outcome.errors)")
    let host = ProcessInfo.processInfo.hostName
    #expect(
      outcome.rankLines.count == 1
        && outcome.rankLines[0].contains(
          "step 7: 3 steps in a row were skipped (guard.skip_limit); a checkpoint is written; step 7 is skipped by all ranks: "
            + "the gradient of layers.0.weight is not finite on rank 1 (\(host)); it drew samples 203 to 213 of epoch 0's order"
        ),
      "\(outcome.rankLines)")
    #expect(folder.exists("run/checkpoints/step-00000007/state.json"))
    #expect(
      try folder.records("run/metrics.jsonl").map { $0["action"] as? String } == [
        "step", "step", "step", "step", "skip", "skip", "skip",
      ])
    let resumed = try Programs.mpirun(
      3, ["\(folder.path)/test.toml", "--output", "\(folder.path)/run", "--resume"],
      program: "lockstep-worker")
    #expect(
      resumed.status == 0 && resumed.output.contains("resumed after step 7"), "\(resumed.errors)")
  }

  @Test func aDifferingReplicaIsNamed() throws {
    let outcome = try Programs.mpirun(5, ["norm-replica"])
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(
      outcome.rankLines.count == 1
        && outcome.rankLines[0].contains(
          "step 6: rank 3 holds other weights than the majority of 5 ranks; restart from a checkpoint"
        ),
      "\(outcome.rankLines)")
  }

  /// Combinations that cannot be clipped or measured are refused before training.
  @Test(
    arguments: [
      (["clip.rule=global", "clip.scope=worker", "regularization.l2=0.1"], "clip.scope"),
      (["clip.rule=global", "clip.scope=bound", "regularization.l1=0.1"], "clip.scope"),
      (["clip.rule=global", "clip.scope=bound", "regularization.gradient_norm=0.1"], "clip.scope"),
      (["clip.rule=global", "clip.scope=worker", "regularization.sam_radius=0.1"], "clip.scope"),
      (["clip.rule=global", "clip.scope=worker", "training.reproducible=true"], "clip.scope"),
      (["clip.rule=global", "clip.order=0.5"], "clip.order"),
      (["report.norms=[1, 101]"], "report.norms"),
      (["report.norms=[0.5]"], "report.norms"),
    ] as [([String], String)])
  func combinationsThatMeanNothingAreRefused(_ overrides: [String], _ key: String) throws {
    let error = #expect(throws: ExperimentError.self) {
      try Experiment(text: Self.experiment, source: "test.toml", overrides: overrides)
    }
    #expect("\(error!)".contains(key), "\(error!)")
  }

  /// Neighbouring combinations that do mean something.
  @Test(
    arguments: [
      [
        "clip.rule=global", "clip.scope=worker", "regularization.l2=0.1",
        "regularization.decoupled=true",
      ],
      ["clip.rule=global", "clip.scope=bound", "regularization.sam_radius=0.1"],
      [
        "clip.rule=global", "clip.order=inf", "regularization.l1=0.1",
        "report.norms=[1, 1.5, 2, 3, \"inf\"]",
      ],
    ])
  func combinationsThatMeanSomethingAreAccepted(_ overrides: [String]) throws {
    _ = try Experiment(text: Self.experiment, source: "test.toml", overrides: overrides)
  }
}
