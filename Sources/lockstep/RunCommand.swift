import ArgumentParser
import Launching
import Reports
import Training

/// `lockstep run EXPERIMENT.toml -n RANKS`: launches the workers, shows progress, prints the convergence report.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Trains an experiment on several ranks.",
    discussion: """
      Ctrl-C (or TERM) stops at the next step, after a checkpoint, with exit code 75; a second one stops at once. USR1 writes a checkpoint.
      Exit codes: 0 done, 64 bad options or experiment, 65 bad data or checkpoint, 70 a worker failed, 75 stopped, 78 MPI unusable.
      """)

  @Argument(help: ArgumentHelp("The experiment file.", valueName: "experiment.toml"))
  var experiment: String

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)], parsing: .unconditional,
    help: ArgumentHelp("Number of ranks, or auto: one a core, or as many as the allocation or hostfile has room for.", valueName: "ranks"))
  var ranks: String

  @Option(help: ArgumentHelp("Open MPI hostfile: lines `name slots=N`.", valueName: "file"))
  var hostfile: String?

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Override a key of the experiment; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []

  @Option(help: ArgumentHelp("The run directory. Default: runs/NAME, NAME from the experiment.", valueName: "dir"))
  var output: String?

  @Flag(help: "Go on from the newest checkpoint in the run directory.")
  var resume = false

  @Flag(help: "Replace what is in the run directory.")
  var force = false

  @Option(help: ArgumentHelp("Start failed workers again, from the newest checkpoint, up to this many times.", valueName: "count"))
  var maxRestarts = 0

  @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("An argument for mpirun; may be repeated.", valueName: "arg"))
  var mpirunArg: [String] = []

  @Flag(help: "Print only the report, or the error.")
  var quiet = false

  @Flag(help: "Print the mpirun line and do nothing.")
  var dryRun = false

  func run() async throws {
    guard maxRestarts >= 0 else { throw CommandFailure(.usage, "--max-restarts \(maxRestarts): it cannot be negative") }
    guard !(resume && force) else { throw CommandFailure(.usage, "--resume goes on with a run and --force replaces it: give one of them") }
    let name = try experimentName()
    let directory = try runDirectory(name: name)
    let line = try mpirunLine(directory: directory)
    if dryRun {
      Screen.output.write(line.shellText + "\n")
      return
    }
    let watch = RunWatch(name: name, directory: directory, isQuiet: quiet)
    for note in line.notes { await watch.show("note: \(note)") }
    let code = try await TrainingJob(
      line: line, directory: directory, watch: watch, maxRestarts: maxRestarts, resumes: resume, forces: force
    )
    .run()
    if code != .done { throw CommandFailure(code, "") }
  }

  // MARK: What is to be run

  private func experimentName() throws -> String {
    let experiment: Experiment
    do throws(ExperimentError) {
      experiment = try Experiment(contentsOf: self.experiment, overrides: overrides)
    } catch {
      throw CommandFailure(.usage, PlainText.line(error.description))
    }
    return experiment.name
  }

  /// The run directory, after making sure that nothing is overwritten by accident.
  private func runDirectory(name: String) throws -> RunDirectory {
    if output == nil && (name.isEmpty || name.hasPrefix(".") || name.contains("/") || name.contains("\0")) {
      throw CommandFailure(.usage, "the experiment's name \"\(PlainText.line(name))\" cannot name a directory; give --output DIR")
    }
    let directory = RunDirectory(Self.notAnOption(output ?? "runs/\(name)"))
    if resume && !directory.isTaken {
      throw CommandFailure(.usage, "\(directory.path): nothing to resume there; leave out --resume, or give --output DIR of the run")
    }
    if !resume && !force && directory.isTaken {
      throw CommandFailure(
        .usage, "\(directory.path) holds a run already: --resume goes on with it, --force replaces it, --output DIR puts this one elsewhere"
      )
    }
    return directory
  }

  // MARK: How it is run

  private func mpirunLine(directory: RunDirectory) throws -> MpirunLine {
    let environment = Installation.environment()
    let machine = Machine.current()
    let hosts = try hostfile.map(readHostfile)
    guard let mpirun = Installation.program("mpirun") else {
      throw CommandFailure(.mpiUnusable, "mpirun is not on the PATH; install Open MPI: apt-get install openmpi-bin")
    }
    let worker = Installation.worker
    guard Installation.isExecutable(worker) else {
      throw CommandFailure(.mpiUnusable, "\(worker) is missing: it has to lie beside lockstep; build it with swift build -c release")
    }
    var arguments = [Self.notAnOption(experiment), "--events", "--output", directory.path]
    for override in overrides { arguments += ["--set", override] }
    return MpirunLine(
      setpriv: Installation.program("setpriv"), mpirun: mpirun, worker: worker,
      workerArguments: arguments + (resume ? ["--resume"] : []) + (force ? ["--force"] : []),
      ranks: try rankCount(machine: machine, hosts: hosts, environment: environment), machine: machine, hostfile: hosts, extra: mpirunArg,
      inherited: environment)
  }

  private func readHostfile(_ path: String) throws -> Hostfile {
    guard let text = SmallFile.text(path) else { throw CommandFailure(.usage, "\(path): cannot read this hostfile") }
    do throws(LaunchError) {
      return try Hostfile(path: Self.notAnOption(path), text: text)
    } catch {
      throw CommandFailure(.usage, PlainText.line(error.description))
    }
  }

  private func rankCount(machine: Machine, hosts: Hostfile?, environment: [String: String]) throws -> Int {
    if ranks == "auto" { return MpirunLine.automaticRanks(machine: machine, hostfile: hosts, environment: environment) }
    guard let count = Int(ranks), (1...65536).contains(count) else {
      throw CommandFailure(.usage, "-n \(PlainText.line(ranks, limit: 40)): give a number of ranks from 1 to 65536, or auto")
    }
    return count
  }

  /// A path that starts with a hyphen, written so that no program takes it for an option.
  private static func notAnOption(_ path: String) -> String { path.hasPrefix("-") ? "./" + path : path }
}
