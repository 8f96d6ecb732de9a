import ExperimentKeys
import FoundationEssentials
import Launching
import Processes
import Recording
import Reports
import Scaling
import ScalingStudy
import Vectors

/// The runs of a scaling study: each in `points/ranks-P/repeat-R` of its directory, and beside them
/// the times of the exchange alone.
struct ScalePoints {
  let plan: StudyPlan
  let experiment: ExperimentDescription
  let launch: WorkerLaunch
  let folder: String
  let simulation: Simulation?
  /// The line of each rank count that knows the hosts' cores, where several reported them.
  private var surveyed: [Int: MpirunCommand] = [:]

  init(
    plan: StudyPlan, experiment: ExperimentDescription, launch: WorkerLaunch, folder: String,
    simulation: Simulation?
  ) {
    (self.plan, self.experiment, self.launch, self.folder, self.simulation) = (
      plan, experiment, launch, folder, simulation
    )
  }

  /// Asks the hosts, where some were named, whether they can take part.
  mutating func requireHosts() async throws {
    for ranks in plan.ranks {
      var line = line(ranks, 1)
      for note in try await launch.requireHosts(
        &line, data: experiment.dataFiles, output: folder)
      { say("note: \(note)") }
      surveyed[ranks] = line
    }
  }

  private var planFile: String { StudyDirectory(path: folder).plan }
  private func home(_ ranks: Int) -> String { "\(folder)/points/ranks-\(ranks)" }
  private func directory(_ ranks: Int, _ attempt: Int) -> RunDirectory {
    RunDirectory("\(home(ranks))/repeat-\(attempt)")
  }

  /// Takes the directory for this plan: a new one, or one that measures the same and is to be gone
  /// on with.
  func claim(resumes: Bool, forces: Bool) throws {
    guard !(resumes && forces) else {
      throw CommandFailure(
        .usage, "--resume goes on with a study and --force replaces it: give one of them")
    }
    let isThere = FileManager.default.fileExists(atPath: planFile)
    do {
      if isThere && resumes {
        let old = try JSONFile.read(StudyPlan.self, from: planFile)
        guard old.measuresTheSame(as: plan) else {
          throw CommandFailure(
            .usage,
            "\(folder) holds a study of something else (\(planFile)): only --ranks, --repeats and --predict may differ on --resume"
          )
        }
      } else if isThere && !forces {
        throw CommandFailure(
          .usage,
          "\(folder) holds a study already: --resume goes on with it, --force replaces it, --output DIR puts this one elsewhere"
        )
      } else if RunDirectory(folder).isTaken && !isThere {
        throw CommandFailure(
          .usage, "\(folder) holds something that is no study: --output DIR puts this one elsewhere"
        )
      }
      if forces { try? FileManager.default.removeItem(atPath: folder + "/points") }
      try RunDirectory.make(folder)
      try JSONFile.write(plan, to: planFile)
    } catch let error as RunFileError {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }

  /// Runs what is not there yet, in a random order that the seed gives, and reads everything.
  func measure() async throws -> [RankCount] {
    var order = plan.ranks.flatMap { ranks in (1...plan.repeats).map { (ranks: ranks, attempt: $0) }
    }
    var random = RandomStream(UInt64(bitPattern: Int64(plan.seed)))
    for index in order.indices.dropFirst().reversed() {
      order.swapAt(index, Int(random.integer(below: UInt64(index + 1))))
    }
    sayWhoIsAbsent()
    let missing = order.filter { !directory($0.ranks, $0.attempt).holdsReport }
    if missing.count < order.count { await StopControl.shared.take(.resumable) }
    for (index, point) in missing.enumerated() {
      say(
        "point \(index + 1) of \(missing.count): \(name(point.ranks)), repeat \(point.attempt)"
      )
      try await run(point.ranks, point.attempt)
    }
    // Models of the exchange are for cores that grow with the ranks.
    for ranks in plan.cores == nil ? plan.ranks : []
    where ranks > 1 && !line(ranks, 1).isOversubscribed
      && !FileManager.default.fileExists(atPath: exchangeFile(ranks))
    {
      say("the exchange alone: \(NumberFormat.counted(ranks, "rank"))")
      try await timeExchange(ranks)
    }
    do {
      return try plan.ranks.map { ranks in
        let runs = try (1...plan.repeats).map { attempt in
          try MeasuredRun(
            directory(ranks, attempt), ranks: ranks, attempt: attempt, warmUp: plan.warmUp,
            microBatch: experiment.microBatch,
            targetLoss: plan.targetLoss)
        }
        let hasExchange = FileManager.default.fileExists(atPath: exchangeFile(ranks))
        return RankCount(
          runs, isOversubscribed: line(ranks, 1).isOversubscribed,
          exchange: hasExchange
            ? try JSONFile.read(ExchangeTimes.self, from: exchangeFile(ranks)) : nil)
      }
    } catch let error as RunFileError {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }

  private func say(_ text: String) { Terminal.error.write(text + "\n") }

  // MARK: A point

  private func line(_ ranks: Int, _ attempt: Int) -> MpirunCommand {
    var line = launch.line(
      division(ranks), directory: directory(ranks, attempt), overrides: overrides(ranks),
      options: ["--force"] + simulated(ranks), binds: true)
    if let known = surveyed[ranks] { line.take(hostsOf: known) }
    return line
  }

  private func division(_ ranks: Int) -> CoreDivision {
    CoreDivision(ranks: ranks, threads: plan.threads(ofRanks: ranks))
  }

  private func name(_ ranks: Int) -> String {
    let division = division(ranks)
    return division.threads > 1 || plan.cores != nil
      ? division.text : NumberFormat.counted(ranks, "rank")
  }

  /// The simulated cluster as these ranks can have it.
  private func simulated(_ ranks: Int) -> [String] {
    simulation?.text(ranks: ranks).map { ["--simulate", $0] } ?? []
  }

  /// A straggler is one at the rank counts that have its rank.
  private func sayWhoIsAbsent() {
    for straggler in simulation?.stragglers ?? [] {
      let without = plan.ranks.filter { $0 <= straggler.rank }.map(String.init)
      guard !without.isEmpty else { continue }
      say(
        "note: straggler=\(straggler.rank):\(straggler.factor) is absent where there is no rank \(straggler.rank): at --ranks \(without.joined(separator: ","))"
      )
    }
  }

  private func overrides(_ ranks: Int) -> [String] {
    let growth = plan.mode == .weak ? ranks : 1
    let batch = experiment.globalBatch * growth
    var keys = ["training.global_batch=\(batch)", "report.every=\(plan.warmUp)"]
    if let steps = plan.steps { keys.append("training.steps=\(steps)") }
    let factor = plan.rate.factor(batches: Double(growth))
    if factor != 1 { keys.append("optimizer.learning_rate=\(experiment.learningRate * factor)") }
    let threads = plan.threads(ofRanks: ranks)
    if experiment.threads != .fixed(threads) { keys.append("training.threads=\(threads)") }
    // A rank alone has no other's gradient to measure noise with.
    if plan.targetLoss != nil && batch > experiment.microBatch {
      keys.append("report.noise=micro-batches")
    }
    return keys
  }

  private func run(_ ranks: Int, _ attempt: Int) async throws {
    let directory = directory(ranks, attempt)
    let watch = RunWatch(
      name: NumberFormat.counted(ranks, "rank"), directory: directory, isQuiet: true,
      showsReport: .none)
    var job = TrainingJob(
      line: line(ranks, attempt), directory: directory, watch: watch, maxRestarts: 0)
    job.resumeLine = ResumeLine.text(CommandLine.arguments)
    let code = try await job.run()
    guard code == .done else { throw CommandFailure(code, "") }
    await StopControl.shared.take(.resumable)
  }

  // MARK: The exchange alone

  private func exchangeFile(_ ranks: Int) -> String { home(ranks) + "/exchange.json" }

  private func timeExchange(_ ranks: Int) async throws {
    var line = launch.exchangeLine(
      division(ranks), overrides: overrides(ranks),
      options: ["--exchange-seconds", "0.3", "--exchange-sizes", "0,65536,1048576,4194304"]
        + simulated(ranks))
    if let known = surveyed[ranks] { line.take(hostsOf: known) }
    let times = try await line.result(of: ExchangeTimes.self)
    do throws(RunFileError) { try JSONFile.write(times, to: exchangeFile(ranks)) } catch {
      throw CommandFailure(.workerFailed, PlainText.sanitized(error.description))
    }
  }
}
