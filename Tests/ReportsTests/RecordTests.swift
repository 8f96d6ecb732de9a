import Foundation
import GradientNorms
import RankTesting
import Recording
import Reports
import Testing

/// The records on disk, field by field as in the contract.
struct RecordTests {
  @Test func aStepRecordIsTheLineOfTheContract() {
    #expect(
      JSONText(of: Samples.step).string
        == #"{"step":7,"epoch":0.125,"samples":1792,"loss":2.31,"learning_rate":1e-05,"norm":{"global":1.9,"applied":1.0,"#
        + #""coefficient":0.52,"threshold":1.25,"local_rms":2.4,"max_local":{"value":3.1,"rank":2},"rms":null,"certified":false,"#
        + #""outlier":{"ratio":null,"rank":null},"layers":{"layers.10.weight":1.5,"#
        + #""layers.2.weight":null,"a\"b\\c":0.1}},"noise":{"signal":1.1,"variance":310.0,"scale":null,"#
        + #""diversity":null,"agreement":null},"action":"clip","update_norm":0.05,"weight_norm":14.2,"update_ratio":0.003521126760563381,"#
        + #""seconds":{"total":0.011,"data":0.5,"compute":0.009,"reduce":0.001,"norm":0.0001,"#
        + #""optimizer":0.0009}}"#)
  }

  @Test func aStepRecordIsReadBackWithItsLayersInOrder() throws {
    #expect(try StepRecord(line: JSONText(of: Samples.step).bytes) == Samples.step)
  }

  @Test func aSkippedStepHasNullNormsAndAReason() throws {
    var record = Samples.step
    record.action = .skip
    record.reason = "rank 2: NaN in layers.0.weight"
    record.norm.global = .nan
    record.updateNorm = nil
    let text = JSONText(of: record).string
    #expect(text.contains(#""norm":{"global":null,"#))
    #expect(
      text.contains(
        #""action":"skip","reason":"rank 2: NaN in layers.0.weight","update_norm":null"#))
    #expect(try StepRecord(line: Array(text.utf8)).norm.global == nil)
  }

  @Test func aRankRecordIsTheLineOfTheContractAndIsReadBack() throws {
    let record = RankRecord(
      rank: 3, host: "node1", step: 10, samples: 640, loss: 2.25, localNorm: nil,
      seconds: .init(data: 1, compute: 2, reduce: 3, norm: 4, optimizer: 5))
    let text = JSONText(of: record).string
    #expect(
      text == #"{"rank":3,"host":"node1","step":10,"samples":640,"loss":2.25,"local_norm":null,"#
        + #""seconds":{"data":1.0,"compute":2.0,"reduce":3.0,"norm":4.0,"optimizer":5.0}}"#)
    #expect(try JSONDecoder().decode(RankRecord.self, from: Data(text.utf8)) == record)
  }

  /// With a clip of the update the record has the norms of both vectors.
  @Test func theNormsOfAClippedUpdateAreReadBack() throws {
    var record = Samples.step
    #expect(!JSONText(of: record).string.contains("\"update\":"))
    record.norm.update = .init(norm: 3.5, applied: 1.25, coefficient: nil, threshold: 2)
    let text = JSONText(of: record).string
    #expect(
      text.contains(
        #""update":{"norm":3.5,"applied":1.25,"coefficient":null,"threshold":2.0}}"#))
    #expect(try StepRecord(line: Array(text.utf8)).norm.update == record.norm.update)
    record.norm.update?.layers = [
      NamedNumber("layers.10.weight", 2.5), NamedNumber("layers.2.weight", nil),
    ]
    let layers = JSONText(of: record).string
    #expect(
      layers.contains(
        #""threshold":2.0,"layers":{"layers.10.weight":2.5,"layers.2.weight":null}}}"#))
    #expect(try StepRecord(line: Array(layers.utf8)).norm == record.norm)
  }

  @Test func theShareOfClippedSamplesIsReadBack() throws {
    var record = Samples.step
    #expect(!JSONText(of: record).string.contains("clipped_samples"))
    record.norm.clippedSamples = 0.375
    let text = JSONText(of: record).string
    #expect(text.contains(#""clipped_samples":0.375"#))
    #expect(try StepRecord(line: Array(text.utf8)) == record)
  }

  /// Signal and noise by tensor, in the tensors' order.
  @Test func theNoiseOfTensorsIsReadBack() throws {
    var record = Samples.step
    record.noise.layers = [
      .init(name: "layers.10.weight", signal: 0.5, variance: 8, scale: 16),
      .init(name: "layers.2.weight", signal: -0.25, variance: 2, scale: nil),
      .init(name: "a\"b\\c", signal: nil, variance: nil, scale: nil),
    ]
    let text = JSONText(of: record).string
    #expect(
      text.contains(
        #""agreement":null,"layers":{"layers.10.weight":{"signal":0.5,"variance":8.0,"scale":16.0},"layers.2.weight":{"signal":-0.25,"variance":2.0,"scale":null},"#
      ))
    #expect(try StepRecord(line: Array(text.utf8)) == record)
  }

  @Test func aConvergenceReportHasTheKeysOfTheContractAndIsReadBack() throws {
    let text = JSONText(of: Samples.report).string
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "verdict", "reasons", "steps", "epochs", "samples", "final", "norm", "clip_bias",
        "spike_score", "noise_scale", "throughput", "time_share",
        "ranks", "restarts",
        "weights_sha256", "skips",
      ])
    #expect(
      Set(try #require(object["final"] as? [String: Any]).keys) == [
        "loss", "accuracy", "perplexity", "grad_norm",
      ])
    #expect(
      Set(try #require(object["norm"] as? [String: Any]).keys) == [
        "first", "last", "max", "clipped_fraction", "certified_fraction", "skipped",
      ])
    #expect(
      Set(try #require(object["throughput"] as? [String: Any]).keys) == [
        "samples_per_second", "step_ms_median", "step_ms_p95",
      ])
    #expect(
      Set(try #require(object["clip_bias"] as? [String: Any]).keys) == [
        "scope", "relative", "cosine", "measured_steps",
      ])
    #expect(
      object["spike_score"] as? NSDictionary
        == ["loss": 0.013, "norm": 0.047, "window": 1000, "deviations": 7])
    let rank = try #require((object["ranks"] as? [[String: Any]])?.first)
    #expect(
      Set(rank.keys) == [
        "rank", "host", "samples", "final_loss", "mean_local_norm", "seconds_waiting",
        "weights_sha256",
      ])
    #expect(
      try JSONDecoder().decode(ConvergenceReport.self, from: Data(text.utf8)) == Samples.report)
  }

  /// All verdicts that runs can have; reports of older versions have some of these.
  @Test func verdictsAreTheWordsOfTheContract() {
    #expect(
      ConvergenceReport.Verdict.allCases.map(\.rawValue) == [
        "too-short", "motionless", "overfitting", "converged", "converging", "noise-floor",
        "oscillating",
        "diverging", "diverged", "vanishing", "stopped",
      ])
  }

  /// What only runs with rows held out have: their evaluations, and the mean of the weights.
  @Test func aReportOfEvaluationsIsReadBack() throws {
    var report = Samples.report
    report.final.average = Scores(loss: 0.25, score: NamedNumber("accuracy", 0.9))
    report.heldOut = ConvergenceReport.HeldOut(
      rows: 600, evaluations: 12, best: .init(step: 400, loss: 0.3),
      last: .init(step: 702, loss: nil),
      bestFile: 400)
    let text = JSONText(of: report).string
    #expect(text.contains(#""average_loss":0.25,"average_accuracy":0.9"#))
    #expect(
      text.contains(
        #""held_out":{"rows":600,"evaluations":12,"best":{"step":400,"loss":0.3},"last":{"step":702,"loss":null},"best_safetensors":400}"#
      ))
    #expect(try JSONDecoder().decode(ConvergenceReport.self, from: Data(text.utf8)) == report)
    let words = ReportText(report, name: "x", place: "runs/x").text
    #expect(words.contains("average      loss 0.2500, accuracy 0.9000, of the mean of the weights"))
    #expect(
      words.contains(
        "held out     lowest loss 0.3000 (step 400), last – (step 702); 12 evaluations of 600 rows;"
      )
        && words.contains("best.safetensors is of step 400"), "\(words)")
    let plain = JSONText(of: Samples.report).string
    #expect(!plain.contains("held_out") && !plain.contains("average"))
  }

  @Test func evaluationsAreReadBack() throws {
    let folder = TemporaryFolder()
    let records = [
      EvaluationRecord(step: 5, epoch: 0.5, scores: Scores(loss: 2, score: nil)),
      EvaluationRecord(
        step: 10, epoch: 1, scores: Scores(loss: 1.5, score: NamedNumber("mean_return", 20)),
        average: Scores(loss: 1.25, score: NamedNumber("mean_return", 21))),
    ]
    let lines = records.map { JSONText(of: $0).string + "\n" }
    #expect(
      lines[1]
        == #"{"step":10,"epoch":1.0,"loss":1.5,"mean_return":20.0,"average_loss":1.25,"average_mean_return":21.0}"#
        + "\n")
    let path = folder.write(
      lines.joined() + #"{"step":15,"epoch":1.5,"loss":null}"# + "\n{\"step\":20,", to: "e.jsonl")
    var read: [EvaluationRecord] = []
    try EvaluationRecord.read(path: path) { read.append($0) }
    #expect(Array(read.prefix(2)) == records && read.count == 3 && read[2].scores.loss.isNaN)
    folder.write("{\"step\":-1,\"epoch\":0,\"loss\":1}\n", to: "e.jsonl")
    #expect(throws: RunFileError.self) { try EvaluationRecord.read(path: path) { _ in } }
  }

  @Test func aReportNamesTwentySkipsAtMost() {
    let skips = (1...30).map {
      ConvergenceReport.Skip(step: $0, rank: nil, host: nil, tensor: nil, text: "")
    }
    var report = Samples.report
    report = ConvergenceReport(
      verdict: report.verdict, reasons: [], steps: 30, epochs: 1, samples: 1, final: report.final,
      norm: report.norm, noiseScale: nil,
      throughput: report.throughput, timeShare: report.timeShare, ranks: [], restarts: 0,
      weightsSHA256: nil, skips: skips)
    #expect(report.skips.map(\.step) == Array(1...20))
  }

  @Test func anEnvironmentRecordIsReadBack() throws {
    let record = EnvironmentRecord(
      versions: [.init("lockstep", "1.0"), .init("mpi", "Open MPI 4.1.4"), .init("onednn", nil)],
      hosts: ["a", "b"], ranksPerHost: [2, 1],
      cores: 2, threads: 1, cpu: "EPYC",
      instructions: CPUInstructions(kernels: "avx2", onednn: "avx512_core"), gitRevision: nil,
      commandLine: ["lockstep-worker", "x.toml"])
    let text = JSONText(of: record).string
    #expect(
      text.hasPrefix(
        #"{"versions":{"lockstep":"1.0","mpi":"Open MPI 4.1.4","onednn":null},"hosts":["a","b"],"ranks_per_host":[2,1],"#
      ))
    #expect(
      text.contains(#""git_revision":null"#)
        && text.contains(#""instructions":{"kernels":"avx2","onednn":"avx512_core"}"#))
    let earlier = text.replacing(
      #""instructions":{"kernels":"avx2","onednn":"avx512_core"},"#, with: "")
    #expect(
      try JSONDecoder().decode(EnvironmentRecord.self, from: Data(earlier.utf8)).instructions == nil
    )
    #expect(try JSONDecoder().decode(EnvironmentRecord.self, from: Data(text.utf8)) == record)
  }

  @Test func exitCodesAreThoseOfTheContract() {
    #expect(ExitCode.allCases.map(\.rawValue) == [0, 64, 65, 70, 75, 78, 129, 130, 140, 143])
  }
}
