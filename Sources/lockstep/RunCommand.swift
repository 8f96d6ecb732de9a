import ArgumentParser
import CommandOptions
import Launching
import Recording
import Reports
import StallWatch

/// `lockstep run EXPERIMENT.toml -n RANKS`: launches the workers, shows progress, prints the
/// convergence report.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Trains an experiment on several ranks.",
    discussion: """
      Signals: Ctrl-C, TERM, HUP and USR2 stop at the next step, after a checkpoint, with exit code 75; before the first step all but USR2 end the run
      at once (128 + the signal's number), where nothing is to be saved. A second one does not wait (70). USR1 writes a checkpoint and goes on.
      A reader of the output that goes away costs the output, not the run.
      Exit codes: 0 done, 64 bad options or experiment, 65 bad data or checkpoint, 70 a worker failed, 75 stopped, 78 MPI unusable.
      With --hosts or --hostfile every host is asked first, in at most 10 s: can it be reached (78), has it this build (78), this MPI (78), the same
      data (65), and can rank 0's, the first one, write the run directory, in sight of this machine (64).

      Examples:
        lockstep run EXPERIMENT.toml -n 4
        lockstep run EXPERIMENT.toml -n 4 --set clip.max_norm=0.5 --output runs/b
        lockstep run EXPERIMENT.toml -n 4 --threads auto
        lockstep run EXPERIMENT.toml -n auto --hosts node1:8,node2:8
      """)

  @Argument(
    help: ArgumentHelp("The experiment file.", valueName: "experiment.toml"),
    completion: .file(extensions: ["toml"]))
  var experiment: String

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)],
    parsing: .unconditional,
    help: ArgumentHelp(
      "Number of ranks, or auto: one for the cores that its threads take, or as many as the allocation or hostfile has room for.",
      valueName: "ranks"))
  var ranks: String

  @OptionGroup var threads: ThreadsOption

  @Option(
    help: ArgumentHelp("A hostfile: lines `name slots=N`, as Open MPI has them.", valueName: "file")
  )
  var hostfile: String?

  @Option(
    help: ArgumentHelp("Hosts and their slots, instead of a hostfile.", valueName: "host:slots,...")
  )
  var hosts: String?

  @OptionGroup var settings: SettingsOption

  @Option(
    help: ArgumentHelp(
      "The run directory. Default: runs/NAME, NAME from the experiment.", valueName: "dir"))
  var output: String?

  @Flag(
    help:
      "Go on from the newest checkpoint in the run directory; start if none was reached yet. A finished run is left as it is."
  )
  var resume = false

  @Flag(help: "Replace what is in the run directory.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "Start failed workers again, from the newest checkpoint, up to this many times.",
      valueName: "count"))
  var maxRestarts = 0

  @Option(
    help: ArgumentHelp(
      "How long a stop waits for its checkpoint, before it ends the run without.",
      valueName: "seconds"))
  var grace = 30.0

  @Option(
    help: ArgumentHelp(
      "Report a rank that the others wait for, its host and the collective, after so many seconds; 0 for never.",
      valueName: "s"))
  var stallWarn = StallWatch.Options().warn

  @Option(
    help: ArgumentHelp(
      "End the run after so many seconds of it, with every rank's last collectives in stalls/; three times as long while files are read or written; "
        + "0 for never.", valueName: "s"))
  var stallAbort = StallWatch.Options().abort

  @OptionGroup var mpirun: MpirunOption

  @Option(
    help: ArgumentHelp(
      "Play a cluster on these ranks: exchanges take as long as between so many hosts, over such links; stragglers compute longer. "
        + "Such as latency=20us,bandwidth=10Gbit/s,hosts=4,straggler=2:1.5, of which any part may be left out.",
      valueName: "cluster"))
  var simulate: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Serve the run's metrics to Prometheus at http://HOST:PORT/metrics; 0 for a free port.",
      valueName: "port"))
  var metricsPort: Int?

  @Option(
    help: ArgumentHelp(
      "The IPv4 address that --metrics-port listens on; 0.0.0.0 for all.", valueName: "host"))
  var metricsHost = "127.0.0.1"

  @OptionGroup var program: WorkerOption

  @Flag(help: "Print only the report, or the error.")
  var quiet = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  @Flag(help: "Start without asking the hosts first whether they can take part.")
  var noHostCheck = false

  @Flag(
    help:
      "Print the mpirun line, which can be pasted into a shell, and do nothing; the resolved experiment and the model's layers go where messages go."
  )
  var dryRun = false

  func run() async throws {
    for (name, seconds) in [("--stall-warn", stallWarn), ("--stall-abort", stallAbort)] {
      if let mistake = StallWatch.Options.mistake(name, seconds) {
        throw CommandFailure(.usage, mistake)
      }
    }
    guard maxRestarts >= 0 else {
      throw CommandFailure(.usage, "--max-restarts \(maxRestarts): it cannot be negative")
    }
    guard grace >= 0 && grace <= 86400 else {
      throw CommandFailure(.usage, "--grace \(grace): give seconds from 0 to 86400")
    }
    guard !(resume && force) else {
      throw CommandFailure(
        .usage, "--resume goes on with a run and --force replaces it: give one of them")
    }
    if let metricsPort {
      try usage { () throws(LaunchError) in
        _ = try MetricsServer.address(host: metricsHost, port: metricsPort)
      }
    }
    let worker = try program.worker()
    let overrides = try settings.overrides + threads.checkedOverrides()
    let experiment = try await worker.describe(experiment, overrides: overrides)
    let name = experiment.name
    let directory = try runDirectory(name: name)
    let launch = try await WorkerLaunch(
      worker: worker, experiment: self.experiment, overrides: overrides, hostfile: hostfile,
      hosts: hosts,
      mpirunArguments: mpirun.arguments)
    let request = try RankRequest(
      ranks: ranks, threads: experiment.threads, mostRanks: experiment.mostRanks)
    var line = launch.line(
      launch.division(request), directory: directory,
      options: (resume ? ["--resume"] : []) + (force ? ["--force"] : [])
        + (grace == 30 ? [] : ["--grace", String(grace)])
        + (try WorkerLaunch.simulation(simulate)) + stallOptions)
    if dryRun {
      // What people read goes where messages go: the output is the line alone, to be pasted.
      Terminal.error.write(experiment.resolved + "\n")
      for line in LayerTable.lines(experiment) { Terminal.error.write(line + "\n") }
      for note in line.notes { Terminal.error.write("note: \(note)\n") }
      Terminal.output.write(line.shellText + "\n")
      return
    }
    let hostNotes =
      noHostCheck
      ? []
      : try await launch.requireHosts(
        &line, request, data: experiment.dataFiles, output: directory.path)
    let isNew = !directory.isTaken
    let lock = try LockedDirectory(directory)
    defer { lock.release() }
    line.workerArguments += ["--run-id", lock.run]
    let server = try metricsPort.map(metricsServer)
    let watch = RunWatch(
      name: name, directory: directory, isQuiet: quiet, showsReport: json ? .json : .text,
      server: server)
    if let server {
      await watch.show("note: metrics at http://\(server.host):\(server.port)/metrics")
    }
    for note in line.notes + hostNotes { await watch.show("note: \(note)") }
    var job = TrainingJob(
      line: line, directory: directory, watch: watch, maxRestarts: maxRestarts, grace: grace)
    job.lock = lock.lock
    job.resumeLine = ResumeLine.text(CommandLine.arguments)
    job.findLostHosts = { [line] in
      var line = line
      let check = try? await launch.survey(&line, data: [], output: nil)
      return check?.problems.map { PlainText.sanitized($0.line) }.joined(separator: "; ")
    }
    let code = try await job.run()
    // Nothing was to be saved: nothing stays that would be taken for a run.
    if isNew, [.hungUp, .interrupted, .askedToStop, .terminated].contains(code) {
      directory.removeStart()
    }
    if code != .done { throw CommandFailure(code, "") }
  }

  private func metricsServer(port: Int) throws -> MetricsServer {
    try usage { () throws(LaunchError) in try MetricsServer(host: metricsHost, port: port) }
  }

  /// What is wrong with an option ends the command in one line.
  private func usage<Value>(_ body: () throws(LaunchError) -> Value) throws -> Value {
    do { return try body() } catch {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }

  /// The worker's, where they are not its defaults.
  private var stallOptions: [String] {
    let defaults = StallWatch.Options()
    return (stallWarn == defaults.warn ? [] : ["--stall-warn", String(stallWarn)])
      + (stallAbort == defaults.abort ? [] : ["--stall-abort", String(stallAbort)])
  }

  // MARK: What is to be run

  /// The run directory, after making sure that nothing is overwritten by accident.
  private func runDirectory(name: String) throws -> RunDirectory {
    if output == nil
      && (name.isEmpty || name.hasPrefix(".") || name.contains("/") || name.contains("\0"))
    {
      throw CommandFailure(
        .usage,
        "the experiment's name \"\(PlainText.sanitized(name))\" cannot name a directory; give --output DIR"
      )
    }
    let directory = RunDirectory(WorkerLaunch.notAnOption(output ?? "runs/\(name)"))
    if resume && !directory.exists {
      throw CommandFailure(
        .usage,
        "\(directory.path): nothing to resume there; leave out --resume, or give --output DIR of the run"
      )
    }
    if !resume && !force && directory.isTaken {
      throw CommandFailure(
        .usage,
        "\(directory.path) holds a run already: --resume goes on with it, --force replaces it, --output DIR puts this one elsewhere"
      )
    }
    return directory
  }
}
