import ArgumentParser
import CommandOptions
import FoundationEssentials
import Launching
import Recording
import Reports
import TensorFiles
import Verification

/// `lockstep verify EXPERIMENT.toml --ranks 1,2,3,4`: runs at each number of ranks and compares all
/// that they computed, to the bit.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks that an experiment computes the same bits at any number of ranks.",
    discussion: """
      Runs the experiment's first steps, with training.reproducible = true (or "any-cpu", if it says so), at each number of ranks. Compares every step's loss, norms, decision and rate,
      the final weights, the optimiser's state and the evaluation. With --threads auto the numbers of threads
      differ too. Where something differs, traces of every stage show which rank is to blame.
      Exit codes: 0 identical, 64 bad options or experiment, 65 bad data, 70 different, or a worker failed, 75 stopped, 78 MPI unusable.
      """)

  @Argument(
    help: ArgumentHelp("The experiment file.", valueName: "experiment.toml"),
    completion: .file(extensions: ["toml"]))
  var experiment: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Numbers of ranks to compare.", valueName: "1,2,..."))
  var ranks = "1,2,3,4"

  @OptionGroup var threads: ThreadsOption

  @Option(help: ArgumentHelp("Steps to run.", valueName: "count"))
  var steps = 20

  @OptionGroup var settings: SettingsOption

  @Option(
    help: ArgumentHelp(
      "Open MPI hostfile; then --keep must name a directory that all hosts share.",
      valueName: "file"))
  var hostfile: String?

  @Option(
    help: ArgumentHelp(
      "Keep the run directories, as DIR/ranks-N. Default: a temporary directory, removed at the end.",
      valueName: "dir"))
  var keep: String?

  @OptionGroup var mpirun: MpirunOption

  @OptionGroup var program: WorkerOption

  @Flag(
    help:
      "Print JSON: whether all is identical, and of each run what it computed and where it differs first."
  )
  var json = false

  // Flips one bit, to see that it is found: gradient|weights|ledger:RANK:STEP:BIT, in the runs on
  // `injectAt` ranks (by default the one with most).
  @Option(help: .hidden)
  var inject: String?

  @Option(help: .hidden)
  var injectAt: String?

  func run() async throws {
    let counts = try WorkerLaunch.rankCounts(ranks, option: "--ranks")
    guard counts.count >= 2 else {
      throw CommandFailure(
        .usage, "--ranks \(ranks): give at least two different numbers, such as 1,2,3,4")
    }
    guard steps >= 1 else {
      throw CommandFailure(.usage, "--steps \(steps): it takes at least one")
    }
    let fault = try injectedFault(counts)
    let overrides = try settings.overrides + threads.checkedOverrides()
    let worker = try program.worker()
    let isAnyCPU = try await worker.describe(experiment, overrides: overrides).resolved.contains(
      "\nreproducible = \"any-cpu\"")
    let mode = isAnyCPU ? "\"any-cpu\"" : "true"
    let forced = [
      "training.reproducible=\(mode)", "training.exchange=auto", "training.steps=\(steps)",
      "checkpoint.every=\(steps)", "checkpoint.keep=1",
    ]
    let experiment = try await worker.describe(experiment, overrides: overrides + forced)
    let launch = try await WorkerLaunch(
      worker: worker, experiment: self.experiment, overrides: overrides, hostfile: hostfile,
      mpirunArguments: mpirun.arguments)
    if hostfile != nil && keep == nil {
      throw CommandFailure(
        .usage,
        "--hostfile needs --keep DIR on a file system that all hosts share: every rank writes its trace there"
      )
    }
    let folder = try workFolder(counts)
    defer { if keep == nil { try? FileManager.default.removeItem(atPath: folder) } }

    if !json {
      Terminal.output.write(
        "\(PlainText.sanitized(experiment.name, limit: 60)): \(NumberFormat.counted(steps, "step")), training.reproducible = \(mode)\n"
      )
    }
    var runs: [Attempt] = []
    for count in counts {
      let directory = RunDirectory("\(folder)/ranks-\(count)")
      let hit = fault.map { $0.counts.contains(count) ? ["--inject", $0.fault.text] : [] } ?? []
      let request = try RankRequest(ranks: String(count), threads: experiment.threads)
      let line = launch.line(
        launch.division(request), directory: directory, overrides: forced,
        options: ["--trace"] + hit)
      let watch = RunWatch(
        name: "\(NumberFormat.counted(count, "rank"))", directory: directory, isQuiet: true,
        showsReport: .none)
      if let terminal = Terminal.terminal {
        terminal.write("\r\(NumberFormat.counted(count, "rank")) …\u{1B}[K")
      }
      let code = try await TrainingJob(
        line: line, directory: directory, watch: watch, maxRestarts: 0
      ).run()
      if let terminal = Terminal.terminal { terminal.write("\r\u{1B}[K") }
      // A worker that failed may be what is to be found; anything else has nothing to do with it.
      let isStopped = await StopControl.shared.isRequested
      guard code == .done || code == .workerFailed && !isStopped else {
        throw CommandFailure(
          code, isStopped ? "stopped before all runs were done: nothing is compared" : "")
      }
      runs.append(Attempt(ranks: count, directory: directory, hasEnded: code == .done))
    }
    try conclude(runs, of: experiment.name, fault: fault?.fault)
  }

  /// One of the runs to be compared.
  private struct Attempt {
    var ranks: Int
    var directory: RunDirectory
    var hasEnded: Bool
  }

  // MARK: What came out

  private func conclude(_ attempts: [Attempt], of name: String, fault: InjectedFault?) throws {
    do {
      let runs = try attempts.map(recorded)
      let comparison = RunComparison(runs)
      if !json {
        Terminal.output.write(
          VerificationTable(runs, comparison, ended: attempts.map(\.hasEnded)).text)
      }
      let traces = try attempts.map { run in
        try TracedRun(ranks: run.ranks) {
          FileManager.default.contents(atPath: run.directory.trace(ofRank: $0)).map { Array($0) }
        }
      }
      let blame = FaultLocalization.firstFault(in: traces)
      let notes = json ? Terminal.error : Terminal.output
      if json {
        let record = VerificationRecord(
          name: name, steps: steps, runs: runs, comparison: comparison,
          ended: attempts.map(\.hasEnded), cause: blame?.text)
        Terminal.output.write(JSONText(of: record, indented: true).string + "\n")
      }
      if comparison.areIdentical && blame == nil && attempts.allSatisfy(\.hasEnded) {
        if let fault {
          notes.write(
            "note: the fault \(fault.text) shows nowhere: its rank has no part in that step, or every run has it alike\n"
          )
        }
        return
      }
      if comparison.areIdentical && blame != nil {
        notes.write("what was recorded is identical, but the traces are not\n")
      }
      throw CommandFailure(
        .workerFailed,
        blame.map { "different: \($0.text)" }
          ?? "different, but no trace shows which rank is to blame")
    } catch let error as RunFileError {
      throw CommandFailure(.workerFailed, PlainText.sanitized(error.description))
    }
  }

  private func recorded(_ run: Attempt) throws -> RecordedRun {
    let directory = run.directory
    func bytes(_ path: String) -> [UInt8]? {
      FileManager.default.contents(atPath: path).map { Array($0) }
    }
    let final = directory.path + "/final.safetensors"
    let state = directory.newestCheckpoint.flatMap {
      bytes("\(directory.checkpoints)/\(RunDirectory.checkpointName($0))/state.json")
    }
    return try RecordedRun(
      ranks: run.ranks, metrics: bytes(directory.metrics) ?? [], report: bytes(directory.report),
      state: state,
      digests: (try? SHA256.digest(ofFile: final)).map { [(name: "final.safetensors", digest: $0)] }
        ?? [])
  }

  // MARK: What is asked for

  private func injectedFault(_ counts: [Int]) throws -> (fault: InjectedFault, counts: [Int])? {
    guard let inject else { return nil }
    guard let fault = InjectedFault(inject) else {
      throw CommandFailure(
        .usage,
        "--inject \(PlainText.sanitized(inject, limit: 60)): wanted \(InjectedFault.form)"
      )
    }
    let places =
      try injectAt.map { try WorkerLaunch.rankCounts($0, option: "--inject-at") } ?? [counts.max()!]
    guard fault.step <= steps, places.contains(where: { counts.contains($0) && $0 > fault.rank })
    else {
      throw CommandFailure(.usage, "--inject \(fault.text): no run has that rank and step")
    }
    return (fault, places)
  }

  private func workFolder(_ counts: [Int]) throws -> String {
    guard let keep else {
      let folder = FileManager.default.temporaryDirectory.appending(
        path: "lockstep-verify-\(UUID().uuidString)"
      ).path
      try make(folder)
      return folder
    }
    let folder = WorkerLaunch.notAnOption(keep)
    for count in counts where RunDirectory("\(folder)/ranks-\(count)").isTaken {
      throw CommandFailure(
        .usage, "\(folder)/ranks-\(count) holds a run already: give another directory")
    }
    try make(folder)
    return folder
  }

  private func make(_ folder: String) throws {
    do throws(RunFileError) { try RunDirectory.make(folder) } catch {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }
}
