import FoundationEssentials
import GradientNorms
import Launching
import Processes
import Recording
import Reports
import Scaling
import ScalingStudy

/// The runs of a measured critical batch: `trunk`, which is trained up to the branches' start;
/// `branches/order-O/xK`, which go on from its checkpoint; `noise/ranks` and `noise/samples`, which
/// measure the noise scale there.
struct BatchRuns {
  let plan: BatchPlan
  let experiment: ExperimentDescription
  let launch: WorkerLaunch
  let division: CoreDivision
  let folder: String
  /// Why the noise scale of samples cannot be measured; nil where it can.
  let samplesRefusal: String?
  let isQuiet: Bool

  var results: String { folder + "/critical-batch.json" }
  private var planFile: String { folder + "/plan.json" }
  private var trunk: RunDirectory { RunDirectory(folder + "/trunk") }
  private var course: ExperimentDescription.Course { experiment.course! }

  private func branch(_ factor: Int, _ order: Int) -> RunDirectory {
    RunDirectory("\(folder)/branches/order-\(order)/x\(factor)")
  }

  /// Steps of each measurement of noise, with the weights of the checkpoint.
  private static let noiseSteps = 128

  /// What all runs have in common beyond the experiment: rows held out, and nothing that would end
  /// a branch before its samples are trained on.
  ///
  /// - Throws: where branches cannot be compared.
  static func overrides(of experiment: ExperimentDescription) throws -> [String] {
    guard let course = experiment.course else {
      throw CommandFailure(
        .usage, "this worker does not say how the experiment trains: build it with this version")
    }
    guard course.isShuffled else {
      throw CommandFailure(
        .usage,
        "data.order = \"sequential\" has one order of samples, and a batch is judged over several: use \"shuffled\""
      )
    }
    guard !course.followsBatch else {
      throw CommandFailure(
        .usage,
        "the experiment's schedule changes the batch, or the rate with it: use schedule.batch = \"constant\" and no adascale"
      )
    }
    return (course.heldOut > 0 ? [] : ["evaluation.split=0.1"]) + [
      "evaluation.every=0", "evaluation.patience=1000000000", "evaluation.best=false",
      "stop.rule=none", "checkpoint.every=1000000000000", "checkpoint.keep=1",
      "report.tensorboard=false",
    ]
  }

  // MARK: The directory

  /// Takes the directory for this plan: a new one, or one of the same plan, which is gone on with.
  func claim(forces: Bool) throws {
    let isThere = FileManager.default.fileExists(atPath: planFile)
    do {
      if isThere && !forces {
        guard try JSONFile.read(BatchPlan.self, from: planFile) == plan else {
          throw CommandFailure(
            .usage,
            "\(folder) holds a measurement with other options or another experiment (\(planFile)): --force replaces it, --output DIR puts this one elsewhere"
          )
        }
        return
      }
      if RunDirectory(folder).isTaken && !isThere {
        throw CommandFailure(
          .usage,
          "\(folder) holds something that is no measurement of a critical batch: --output DIR puts this one elsewhere"
        )
      }
      for name in ["trunk", "branches", "noise", "critical-batch.json"] {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
      try RunDirectory.make(folder)
      try JSONFile.write(plan, to: planFile)
    } catch let error as RunFileError {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }

  /// Asks the hosts, where some were named, whether they can take part.
  func requireHosts() async throws {
    var line = launch.line(division, directory: trunk)
    for note in try await launch.requireHosts(
      &line, data: experiment.dataFiles, output: folder)
    { say("note: \(note)") }
  }

  // MARK: The measurement

  /// Runs what is not there yet and reads everything.
  func measure() async throws -> BatchStudy {
    if let at = plan.step, let steps = course.steps, at >= steps {
      throw CommandFailure(
        .usage,
        "--at \(at): the run ends after step \(steps), and nothing is left for branches: give an earlier step"
      )
    }
    if hasEnded(trunk) { await StopControl.shared.take(.resumable) }
    try await run(
      trunk, "up to the branches", options: ["--until", plan.step.map(String.init) ?? "0.5"])
    let report = try read { () throws(RunFileError) in
      try JSONFile.read(ConvergenceReport.self, from: trunk.report)
    }
    let start = BatchStudy.Start(step: report.steps, samples: report.samples)
    let window = try window(report)
    var forecasts: [BatchStudy.Forecast] = []
    for source in ["ranks", "samples"] { forecasts.append(try await forecast(source, start)) }
    var branches: [BatchBranch] = []
    for order in 1...plan.orders {
      for factor in plan.factors {
        let directory = branch(factor, order)
        try fork(directory, start)
        try await run(
          directory, "k = \(factor), order \(order) of \(plan.orders)",
          overrides: overrides(factor, order, start, window),
          options: ["--until", String(window.endStep)])
        let result = try read { () throws(RunFileError) in
          try BatchBranch(
            directory, factor: factor, order: order, after: start.step, samples: start.samples)
        }
        guard result.samples == window.samples else {
          throw CommandFailure(
            .workerFailed,
            "\(directory.path) trained on \(result.samples) samples, not on \(window.samples): remove it, and start the command again"
          )
        }
        branches.append(result)
      }
    }
    return BatchStudy(
      name: experiment.name, plan: plan, start: start, globalBatch: experiment.globalBatch,
      heldOut: course.heldOut, ratePower: course.ratePower, branches: branches,
      forecasts: forecasts)
  }

  /// The samples of a branch, which have to lie within the run.
  private func window(_ report: ConvergenceReport) throws -> BranchWindow {
    let batch = experiment.globalBatch
    let epoch = Int((Double(report.samples) / report.epochs).rounded())
    let perEpoch = (epoch + batch - 1) / batch
    let steps = course.steps ?? perEpoch * (course.epochs ?? 1)
    let all = steps / perEpoch * epoch + steps % perEpoch * batch
    let left = all - report.samples
    let largest = batch * (plan.factors.last ?? 1)
    guard largest <= epoch else {
      throw CommandFailure(
        .usage,
        "--factors: \(plan.factors.last ?? 1) times the batch are \(largest) samples, more than the \(epoch) of an epoch"
      )
    }
    guard left > 0 else {
      throw CommandFailure(
        .usage,
        "--at \(plan.step ?? report.steps): the run ends after step \(report.steps), and nothing is left for branches: give an earlier step"
      )
    }
    if let samples = plan.samples, samples > left {
      throw CommandFailure(
        .usage,
        "--samples \(samples): after step \(report.steps) the run has \(left) more: give at most these, or a longer run (--set training.steps=…)"
      )
    }
    let wanted = plan.samples ?? min(left, max(all / 4, 8 * largest))
    guard
      let window = BranchWindow(
        start: report.samples, wanted: wanted, epoch: epoch, batch: batch, factors: plan.factors)
    else {
      throw CommandFailure(
        .usage,
        "\(wanted) samples a branch are fewer than four whole steps of the largest batch, \(largest): give more --samples, a longer run, or smaller --factors"
      )
    }
    return window
  }

  private func overrides(
    _ factor: Int, _ order: Int, _ start: BatchStudy.Start, _ window: BranchWindow
  ) -> [String] {
    let batch = experiment.globalBatch
    var keys = [
      "evaluation.every=\(window.evaluationInterval(factor: factor, batch: batch))"
    ]
    if order > 1 { keys.append("data.order_seed=\(orderSeed(order))") }
    if factor > 1 {
      keys += [
        "schedule.batch=critical", "schedule.critical=[[\(start.samples), \(factor * batch)]]",
      ]
    }
    return keys
  }

  /// The first order is the experiment's own.
  private func orderSeed(_ order: Int) -> Int {
    let (seed, overflows) = course.orderSeed.addingReportingOverflow(order - 1)
    return overflows ? order - 1 : seed
  }

  // MARK: The noise scale

  /// The noise scale at the checkpoint: steps of a run that starts from its weights, with a rate at
  /// which they do not move.
  private func forecast(_ source: String, _ start: BatchStudy.Start) async throws
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

  // MARK: A run

  private func say(_ text: String) { if !isQuiet { Terminal.error.write(text + "\n") } }

  /// Whether a run has trained to its end.
  private func hasEnded(_ directory: RunDirectory) -> Bool {
    (try? JSONFile.read(ConvergenceReport.self, from: directory.report))
      .map { $0.verdict != .stopped } ?? false
  }

  /// Makes the directory of a branch: the trunk's checkpoint and its records so far.
  private func fork(_ directory: RunDirectory, _ start: BatchStudy.Start) throws {
    let files = FileManager.default
    if files.fileExists(atPath: directory.path) { return }
    let aside = directory.path + ".new"
    let checkpoint = RunDirectory.checkpointName(start.step)
    do {
      try? files.removeItem(atPath: aside)
      try RunDirectory.make(aside + "/checkpoints")
      try files.copyItem(
        atPath: "\(trunk.checkpoints)/\(checkpoint)", toPath: "\(aside)/checkpoints/\(checkpoint)")
      for records in [trunk.metrics, trunk.ranks, trunk.evaluations]
      where files.fileExists(atPath: records) {
        let name = records.split(separator: "/").last.map(String.init) ?? records
        try files.copyItem(atPath: records, toPath: "\(aside)/\(name)")
      }
      try files.moveItem(atPath: aside, toPath: directory.path)
    } catch {
      throw CommandFailure(
        .workerFailed,
        "\(directory.path) cannot be made from the checkpoint of step \(start.step) in \(trunk.path): \(error)"
      )
    }
  }

  /// Runs to the end what has not ended yet: from its newest checkpoint, where it has one.
  private func run(
    _ directory: RunDirectory, _ name: String, overrides: [String] = [], options: [String] = []
  ) async throws {
    if hasEnded(directory) { return }
    say(name)
    let line = launch.line(
      division, directory: directory, overrides: overrides, options: options + ["--resume"])
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
  private func removeCheckpoints(_ directory: RunDirectory) {
    try? FileManager.default.removeItem(atPath: directory.checkpoints)
  }

  private func read<Value>(_ body: () throws(RunFileError) -> Value) throws -> Value {
    do throws(RunFileError) { return try body() } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }
}
