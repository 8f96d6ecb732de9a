import Foundation
import RankTesting
import Testing

/// A package outside this one with a model, data, a clip rule, an optimiser and a metric of its own
/// (`Launch/examples/own-worker`): built as its user builds it, and given to every command.
@Suite(.serialized) struct OwnWorkerTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../.."
  ).standardizedFileURL
  private static let package = root.appending(path: "Launch/examples/own-worker")
  private static let experiment = package.appending(path: "spirals.toml").path

  /// The example's program, built once.
  private static let worker: Result<String, any Error> = Result {
    try Programs.example("own-worker", options: ["-Xcc", "-O2"])
  }

  private func lockstep(_ arguments: [String]) throws -> Outcome {
    try Programs.run(Programs.path("lockstep"), arguments, limit: 300)
  }

  /// The weights' digest, as the report of a run has it.
  private func digest(_ directory: String) throws -> String {
    struct Report: Decodable {
      var weights: String
      enum CodingKeys: String, CodingKey { case weights = "weights_sha256" }
    }
    let data = try Data(contentsOf: URL(filePath: directory + "/report.json"))
    return try JSONDecoder().decode(Report.self, from: data).weights
  }

  @Test func theOwnWorkerResumesToTheSameBitsUnderMpirun() throws {
    let worker = try Self.worker.get()
    let folder = TemporaryFolder()
    func train(_ name: String, _ arguments: [String]) throws -> Outcome {
      try Programs.run(
        "/usr/bin/env",
        TestMPI.command(3, yields: false) + [worker, Self.experiment]
          + ["--output", folder.path(name), "--set", "checkpoint.every=40"] + arguments)
    }
    let whole = try train("whole", ["--set", "training.steps=120"])
    #expect(whole.status == 0, "\(whole.errors)")
    let first = try train("parts", ["--set", "training.steps=40"])
    #expect(first.status == 0, "\(first.errors)")
    let rest = try train("parts", ["--set", "training.steps=120", "--resume"])
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(try digest(folder.path("parts")) == digest(folder.path("whole")))
  }

  @Test func theOwnWorkerIsVerifiedAndLearns() throws {
    let worker = try Self.worker.get()
    let verified = try lockstep([
      "verify", Self.experiment, "--ranks", "1,2,3", "--steps", "20", "--worker", worker,
    ])
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    let folder = TemporaryFolder()
    let run = try lockstep([
      "run", Self.experiment, "-n", "2", "--worker", worker, "--output", folder.path("run"),
      "--json",
    ])
    #expect(run.status == 0, "\(run.errors)")
    #expect(try accuracy(of: run) > 0.9, "a third would be chance")
    // The coordinator shows the worker's metric, which it was built without.
    let table = try lockstep(["report", folder.path("run"), "--csv", "metrics"])
    #expect(
      table.output.prefix { $0 != "\n" }.contains("norm_per_loss"), "\(table.output.prefix(400))")
  }

  @Test func itsLayerAndItsLossPassTheCheckOfGradientsAndTrain() throws {
    let worker = try Self.worker.get()
    let check = try Programs.run(worker, ["--check-gradients"])
    #expect(check.status == 0, "\(check.output)\(check.errors)")
    #expect(check.output.contains("1.factor: error "), "\(check.output)")
    let folder = TemporaryFolder()
    let run = try lockstep([
      "run", Self.package.appending(path: "network.toml").path, "-n", "2", "--worker", worker,
      "--output", folder.path("run"), "--json",
    ])
    #expect(run.status == 0, "\(run.errors)")
    #expect(try accuracy(of: run) > 0.9, "a third would be chance")
  }

  private func accuracy(of run: Outcome) throws -> Double {
    struct Report: Decodable {
      struct Final: Decodable { var accuracy: Double }
      var final: Final
    }
    return try JSONDecoder().decode(Report.self, from: Data(run.output.utf8)).final.accuracy
  }

  @Test func mistakesInItsOwnKeysAreFoundBeforeRanksStart() throws {
    let worker = try Self.worker.get()
    let wrong = try lockstep([
      "run", Self.experiment, "-n", "2", "--worker", worker, "--set", "clip.quantil=1",
    ])
    #expect(wrong.status == 64)
    #expect(
      wrong.errors.contains("clip.quantil: unknown key; did you mean quantile?"), "\(wrong.errors)")
    let without = try lockstep(["run", Self.experiment, "-n", "2"])
    #expect(without.status == 64 && without.errors.contains("\"spiral-net\" is not one of"))
    let missing = try lockstep(["run", Self.experiment, "-n", "2", "--worker", "no-such-worker"])
    #expect(missing.status == 64 && missing.errors.contains("no-such-worker"))
    let foreign = try lockstep(["run", Self.experiment, "-n", "2", "--worker", "/bin/true"])
    #expect(foreign.status == 70 && foreign.errors.contains("LockstepWorker.main"))
  }
}
