import FoundationEssentials
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
  /// A line that knows the hosts' cores, where some were named.
  private(set) var surveyed: MpirunCommand?

  init(
    plan: BatchPlan, experiment: ExperimentDescription, launch: WorkerLaunch,
    division: CoreDivision, folder: String, samplesRefusal: String?, isQuiet: Bool
  ) {
    (self.plan, self.experiment, self.launch, self.division) = (plan, experiment, launch, division)
    (self.folder, self.samplesRefusal, self.isQuiet) = (folder, samplesRefusal, isQuiet)
  }

  var results: String { folder + "/critical-batch.json" }
  private var planFile: String { folder + "/plan.json" }
  var trunk: RunDirectory { RunDirectory(folder + "/trunk") }
  var course: ExperimentDescription.Course { experiment.course! }

  func branch(_ factor: Int, _ order: Int) -> RunDirectory {
    RunDirectory("\(folder)/branches/order-\(order)/x\(factor)")
  }

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
  mutating func requireHosts() async throws {
    var line = launch.line(division, directory: trunk)
    for note in try await launch.requireHosts(
      &line, data: experiment.dataFiles, output: folder)
    { say("note: \(note)") }
    surveyed = line
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
}
