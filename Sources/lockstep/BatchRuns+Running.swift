import FoundationEssentials
import GradientNorms
import Launching
import Processes
import Recording
import Reports
import Scaling
import ScalingStudy

// A run of the measurement, and the runs that measure the noise scale.
extension BatchRuns {
  func say(_ text: String) { if !isQuiet { Terminal.error.write(text + "\n") } }

  /// Whether a run has trained to its end.
  func hasEnded(_ directory: RunDirectory) -> Bool {
    (try? JSONFile.read(ConvergenceReport.self, from: directory.report))
      .map { $0.verdict != .stopped } ?? false
  }

  /// Runs to the end what has not ended yet: from its newest checkpoint, where it has one.
  func run(
    _ directory: RunDirectory, _ name: String, overrides: [String] = [], options: [String] = []
  ) async throws {
    if hasEnded(directory) { return }
    say(name)
    var line = launch.line(
      division, directory: directory, overrides: overrides, options: options + ["--resume"])
    if let surveyed { line.take(hostsOf: surveyed) }
    let watch = RunWatch(
      name: name, directory: directory, isQuiet: isQuiet || Terminal.terminal == nil,
      showsReport: .none)
    var job = TrainingJob(line: line, directory: directory, watch: watch, maxRestarts: 0)
    job.resumeLine = ResumeLine.text(CommandLine.arguments, option: nil)
    let code = try await job.run()
    guard code == .done else { throw CommandFailure(code, "") }
    // What has ended is not run again: the same command goes on after it.
    await StopControl.shared.take(.resumable)
    if directory.path != trunk.path { removeCheckpoints(directory) }
  }

  /// A branch that has ended needs none: they are large.
  func removeCheckpoints(_ directory: RunDirectory) {
    try? FileManager.default.removeItem(atPath: directory.checkpoints)
  }

  func read<Value>(_ body: () throws(RunFileError) -> Value) throws -> Value {
    do throws(RunFileError) { return try body() } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }

  /// Steps of each measurement of noise, with the weights of the checkpoint.
  static let noiseSteps = 128

  /// The noise scale at the checkpoint: steps of a run that starts from its weights, with a rate at
  /// which they do not move.
  func forecast(_ source: String, _ start: BatchStudy.Start) async throws
    -> BatchStudy.Forecast
  {
    func none(_ reason: String) -> BatchStudy.Forecast {
      BatchStudy.Forecast(source: source, scale: nil, reason: reason)
    }
    if source == "ranks" && division.ranks == 1 {
      return none("a rank alone has no other's gradient to compare with")
    }
    if source == "samples", let samplesRefusal { return none(samplesRefusal) }
    let directory = RunDirectory("\(folder)/noise/\(source)")
    let weights =
      "\(trunk.checkpoints)/\(RunDirectory.checkpointName(start.step))/model.safetensors"
    try await run(
      directory, "noise scale of \(source)",
      overrides: [
        "model.init=\(weights)", "optimizer.learning_rate=1e-30", "schedule.kind=constant",
        "report.noise=\(source)", "data.order_seed=\(orderSeed(plan.orders + 1))",
      ], options: ["--until", String(Self.noiseSteps)])
    var last: StepRecord?
    try read { () throws(RunFileError) in
      try StepRecord.read(path: directory.metrics) { last = $0 }
    }
    return BatchStudy.Forecast(source: source, scale: last?.noise.scale)
  }
}
