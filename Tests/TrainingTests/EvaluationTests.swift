import Configuration
import Data
import ExperimentKeys
import Foundation
import RankTesting
import Recording
import TensorFiles
import Testing
import Vectors

/// `[evaluation]`: rows held out of the training set, and what their evaluations leave.
@Suite struct EvaluationTests {
  static let experiment = """
    [model]
    kind = "logistic"
    [data]
    kind = "blobs"
    samples = 300
    classes = 4
    dimensions = 7
    spread = 2.0
    [training]
    global_batch = 32
    micro_batch = 8
    epochs = 4
    [optimizer]
    learning_rate = 0.1
    [evaluation]
    split = 0.2
    [checkpoint]
    every = 4

    """

  private func experiment(_ section: String) throws -> Experiment {
    try Experiment(text: "[evaluation]\n\(section)\n", source: "x.toml", overrides: [])
  }

  @Test func aTenthIsHeldOutWhereAKeyNeedsRows() throws {
    let plain = try experiment("")
    #expect(plain.evaluation == Experiment.EvaluationChoice())
    #expect(!plain.resolved.contains("split"))
    let every = try experiment("every = 0")
    #expect(every.evaluation.split == 0.1 && every.evaluation.every == 0)
    #expect(every.resolved.contains("split = 0.1"))
    #expect(try experiment("split = 0.25").evaluation.every == nil)
    let error = #expect(throws: ExperimentError.self) { try experiment("split = 0\nevery = 3") }
    #expect(
      error?.description
        == "x.toml:3: evaluation.every: evaluation.split is 0, so that nothing is held out to evaluate: leave it out for a tenth of the training rows"
    )
    #expect(throws: ExperimentError.self) { try experiment("split = 1") }
    let best = try experiment("best = true\npatience = 5")
    #expect(best.evaluation.split == 0.1 && best.evaluation.best && best.evaluation.patience == 5)
    #expect(throws: ExperimentError.self) { try experiment("patience = 0") }
  }

  /// Rows, sums and scores on 1, 2, 3 and 4 ranks, and runs whose last evaluation is that of the
  /// final weights in Double.
  @Test func evaluationsAreTheSameOnAnyNumberOfRanks() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "evaluation.toml")
    let outcome = try Programs.mpirun(4, ["evaluation", folder.path])
    outcome.expectCasesPass()
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    let lines = try folder.text("on-1/evaluations.jsonl")
    for ranks in 2...4 {
      #expect(try folder.text("on-\(ranks)/evaluations.jsonl") == lines, "\(ranks) ranks")
    }
    let records = try folder.records("on-3/evaluations.jsonl")
    // 240 rows an epoch, 32 a step; the steps of the epochs' ends.
    #expect(records.map { $0["step"] as? Int } == [8, 16, 24, 32])
    #expect(records.map { $0["epoch"] as? Double } == [1, 2, 3, 4])
    let steps = try folder.records("on-3/metrics.jsonl")
    #expect(steps.last?["epoch"] as? Double == 4 && steps.last?["samples"] as? Int == 960)

    let oracle = try Self.evaluate(folder.path("on-3/final.safetensors"))
    let last = try #require(records.last)
    let loss = try #require(last["loss"] as? Double)
    #expect(abs(loss - oracle.loss) < 1e-6 * oracle.loss)
    #expect(last["accuracy"] as? Double == oracle.accuracy)
    // The test set is other rows.
    let final = try #require(try folder.json("on-3/report.json")["final"] as? NSDictionary)
    #expect(final["loss"] as? Double != last["loss"] as? Double)
    let page = try folder.text("on-3/report.html")
    #expect(page.contains("Score on rows held out") && page.contains("test set, at the end"))
  }

  /// Loss and accuracy of logistic regression on the rows held out of ``experiment``, in Double by
  /// one process.
  static func evaluate(_ path: String) throws -> (loss: Double, accuracy: Double) {
    let (classes, width) = (4, 7)
    let blobs = Blobs(classes: classes, dimensions: width, samples: 300, spread: 2, seed: 1)
    let rows = TrainTestSplit.evaluation(of: 300, fraction: 0.2, seed: 1).test
    #expect(rows.count == 60)
    let file = try SafeTensors(path: path)
    let weight = try file.floats(named: "layers.0.weight").map(Double.init)
    let bias = try file.floats(named: "layers.0.bias").map(Double.init)
    var batch = Batch(capacity: rows.count, shape: blobs.shape)
    try blobs.fill(&batch, with: rows[...])
    var (loss, right) = (0.0, 0)
    for row in rows.indices {
      let logits = (0..<classes).map { label in
        (0..<width).reduce(bias[label]) {
          $0 + weight[label * width + $1] * Double(batch.inputs[row * width + $1])
        }
      }
      let label = Int(batch.labels[row])
      let largest = logits.max()!
      loss += log(logits.reduce(0) { $0 + exp($1 - largest) }) + largest - logits[label]
      right += logits.firstIndex(of: largest) == label ? 1 : 0
    }
    return (loss / Double(rows.count), Double(right) / Double(rows.count))
  }

  /// A run that is killed and resumed has each evaluation once, and the same ones; one that resumes
  /// with another part held out is refused.
  @Test func aResumedRunHasEachEvaluationOnce() throws {
    let folder = TemporaryFolder()
    folder.write(Self.experiment, to: "x.toml")
    func worker(_ name: String, _ more: String...) throws -> Outcome {
      try Programs.mpirun(
        2, [folder.path("x.toml"), "--output", folder.path(name)] + more,
        program: "lockstep-worker")
    }
    let every = ["--set", "evaluation.every=3"]
    func train(_ name: String, _ more: [String] = []) throws -> Outcome {
      try Programs.mpirun(
        2, [folder.path("x.toml"), "--output", folder.path(name)] + every + more,
        program: "lockstep-worker")
    }
    #expect(try train("whole").status == 0)
    let whole = try folder.text("whole/evaluations.jsonl")
    #expect(
      try folder.records("whole/evaluations.jsonl").map { $0["step"] as? Int }
        == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 32])
    #expect(try train("part").status == 0)
    let manager = FileManager.default
    for name in ["report.json", "final.safetensors", "checkpoints/step-00000032"] {
      try manager.removeItem(atPath: folder.path("part/\(name)"))
    }
    let resumed = try train("part", ["--resume"])
    #expect(resumed.status == 0 && resumed.output.contains("resumed after step 28"))
    #expect(try folder.text("part/evaluations.jsonl") == whole)
    #expect(
      try folder.json("part/report.json")["weights_sha256"] as? String
        == folder.json("whole/report.json")["weights_sha256"] as? String)

    let refused = try worker("part", "--resume", "--set", "evaluation.split=0.3")
    #expect(
      refused.status == 64 && refused.errors.contains("evaluation.split is 0.3 and was 0.2"),
      "\(refused.errors)")
  }

  /// Points of clusters that overlap, few of them: the loss on others soon rises.
  private static let overfitting = """
    [model]
    hidden = [64]
    [data]
    kind = "blobs"
    samples = 120
    classes = 4
    dimensions = 40
    spread = 3.0
    [training]
    global_batch = 24
    micro_batch = 8
    epochs = 300
    [optimizer]
    kind = "adamw"
    learning_rate = 0.01
    [evaluation]
    split = 0.25
    every = 3
    patience = 4
    best = true
    [checkpoint]
    every = 5
    keep = 999

    """

  /// Patience ends a run in order, with the best weights in a file; and a run that is resumed in
  /// the middle ends at the same step with the same files.
  @Test func patienceEndsARunAndTheBestWeightsStay() throws {
    let folder = TemporaryFolder()
    folder.write(Self.overfitting, to: "x.toml")
    func train(_ name: String, _ more: [String] = []) throws -> Outcome {
      try Programs.mpirun(
        3, [folder.path("x.toml"), "--output", folder.path(name)] + more,
        program: "lockstep-worker")
    }
    let outcome = try train("whole")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let records = try folder.records("whole/evaluations.jsonl")
    let losses = records.compactMap { $0["loss"] as? Double }
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    try #require(records.count == best + 5 && losses.count == records.count)
    let report = try folder.json("whole/report.json")
    let last = try #require(records.last?["step"] as? Int)
    #expect(report["steps"] as? Int == last && last < 1200)
    let reasons = try #require(report["reasons"] as? [String])
    #expect(
      reasons.contains {
        $0.hasPrefix(
          "Patience ended training after step \(last): in 4 evaluations the loss on the rows held out has not fallen; its lowest, "
        )
      }, "\(reasons)")
    let heldOut = try #require(report["held_out"] as? NSDictionary)
    let bestStep = try #require(records[best]["step"] as? Int)
    #expect(heldOut["rows"] as? Int == 30 && heldOut["evaluations"] as? Int == records.count)
    #expect(heldOut["best_safetensors"] as? Int == bestStep)
    #expect((heldOut["best"] as? NSDictionary)?["loss"] as? Double == losses[best])
    #expect(report["verdict"] as? String == "overfitting", "\(reasons)")
    #expect(outcome.output.contains("best.safetensors is of step \(bestStep)"))
    // The file is of the step that the records name.
    let weights = try SafeTensors(path: folder.path("whole/best.safetensors"))
    #expect(weights.metadata["step"] == "\(bestStep)")
    let oracle = try Self.loss(of: weights)
    #expect(abs(oracle - losses[best]) < 1e-5 * losses[best])

    // As if it had been killed in the step after the one before the last checkpoint but one.
    let manager = FileManager.default
    let checkpoints = try manager.contentsOfDirectory(atPath: folder.path("whole/checkpoints"))
      .sorted()
    #expect(checkpoints.last == "step-" + String(String(100_000_000 + last).dropFirst()))
    for keep in [1, checkpoints.count / 2, checkpoints.count - 1] {
      try? manager.removeItem(atPath: folder.path("part"))
      try manager.copyItem(atPath: folder.path("whole"), toPath: folder.path("part"))
      for name in ["report.json", "final.safetensors"]
        + checkpoints[keep...].map({ "checkpoints/\($0)" })
      {
        try manager.removeItem(atPath: folder.path("part/\(name)"))
      }
      let resumed = try train("part", ["--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      for name in ["evaluations.jsonl", "best.safetensors", "final.safetensors"] {
        #expect(
          folder.bytes("part/\(name)") == folder.bytes("whole/\(name)"),
          "\(name), resumed from \(checkpoints[keep - 1])")
      }
      #expect(try folder.json("part/report.json")["reasons"] as? [String] == reasons)
    }

    let complete = try train("part", ["--resume"])
    #expect(complete.status == 0 && complete.output.contains("already complete"))
    let longer = try train(
      "part", ["--resume", "--set", "evaluation.patience=6", "--set", "training.epochs=40"])
    #expect(longer.status == 0, "\(longer.errors)")
    #expect(try folder.records("part/evaluations.jsonl").count > records.count)
  }

  /// The loss on the rows held out of ``overfitting``, in Double by one process.
  private static func loss(of file: SafeTensors) throws -> Double {
    let (classes, width, hidden) = (4, 40, 64)
    let blobs = Blobs(classes: classes, dimensions: width, samples: 120, spread: 3, seed: 1)
    let rows = TrainTestSplit.evaluation(of: 120, fraction: 0.25, seed: 1).test
    func layer(_ index: Int) throws -> (weight: [Double], bias: [Double]) {
      (
        try file.floats(named: "layers.\(index).weight").map(Double.init),
        try file.floats(named: "layers.\(index).bias").map(Double.init)
      )
    }
    let (first, second) = (try layer(0), try layer(1))
    var batch = Batch(capacity: rows.count, shape: blobs.shape)
    try blobs.fill(&batch, with: rows[...])
    var loss = 0.0
    for row in rows.indices {
      let units = (0..<hidden).map { unit in
        max(
          0,
          (0..<width).reduce(first.bias[unit]) {
            $0 + first.weight[unit * width + $1] * Double(batch.inputs[row * width + $1])
          })
      }
      let logits = (0..<classes).map { label in
        (0..<hidden).reduce(second.bias[label]) {
          $0 + second.weight[label * hidden + $1] * units[$1]
        }
      }
      let largest = logits.max()!
      loss +=
        log(logits.reduce(0) { $0 + exp($1 - largest) }) + largest
        - logits[Int(batch.labels[row])]
    }
    return loss / Double(rows.count)
  }

  /// Without the section there is nothing of it.
  @Test func withoutKeysNothingIsHeldOut() throws {
    let folder = TemporaryFolder()
    folder.write(
      Self.experiment.replacing("[evaluation]\nsplit = 0.2\n", with: ""), to: "x.toml")
    let outcome = try Programs.mpirun(
      2, [folder.path("x.toml"), "--output", folder.path("run")], program: "lockstep-worker")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!folder.exists("run/evaluations.jsonl"))
    let resolved = try folder.text("run/experiment.toml")
    #expect(!resolved.contains("split"))
    let last = try #require(try folder.records("run/metrics.jsonl").last)
    #expect(last["samples"] as? Int == 1200 && last["step"] as? Int == 40)
  }
}
