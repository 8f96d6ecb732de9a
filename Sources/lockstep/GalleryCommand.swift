import ArgumentParser
import FoundationEssentials
import Gallery
import Launching
import Processes
import Recording
import Reports
import ScalingStudy

/// `lockstep gallery`: runs the experiments behind claims on gradient norms, and says which claims
/// they bear out.
struct GalleryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gallery",
    abstract: "Runs experiments that bear out claims on gradient norms, or do not.",
    discussion: """
      Each claim has an experiment file, the runs it takes, a source and an expected figure. Runs that are there already are not run again.
      Exit codes: 0 done (whether the claims hold or not), 64 bad options or experiment, 65 bad data, 70 a worker failed, 75 stopped, 78 MPI unusable.
      """)

  @Argument(
    help: ArgumentHelp("Claims. Default: all that take at most 90 s each.", valueName: "claim"),
    completion: .list(gallery.map(\.name)))
  var names: [String] = []

  @Flag(help: "List the claims and do nothing.")
  var list = false

  @Flag(help: "All claims, the long ones too.")
  var all = false

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)],
    parsing: .unconditional,
    help: ArgumentHelp("Number of ranks, where a claim does not say it.", valueName: "ranks"))
  var ranks = "2"

  @Option(help: ArgumentHelp("Where the runs go, as DIR/CLAIM/RUN.", valueName: "dir"))
  var output = "runs/gallery"

  @Option(
    help: ArgumentHelp(
      "Where the experiment files are. Default: Launch/experiments of the checkout that lockstep was built in.",
      valueName: "dir"))
  var experiments: String?

  @Flag(help: "Print JSON: an array of claims, as in DIR/gallery.json.")
  var json = false

  @Flag(help: "Run again what is there already.")
  var force = false

  func run() async throws {
    let claims = try chosen()
    if list && json {
      var text = JSONText(indented: true)
      text.array(claims) { text, claim in
        text.object {
          $0.field("claim", claim.name)
          $0.field("statement", claim.statement)
          $0.field("experiment", claim.experiment)
          $0.field("runs", claim.runs.count)
          $0.field("studies", claim.studies.count)
          $0.field("seconds", claim.seconds)
        }
      }
      return Terminal.output.write(text.string + "\n")
    }
    if list {
      for claim in claims {
        Terminal.output.write(
          "\(claim.name)  \(claim.statement)\n    \(claim.experiment), \(work(claim)), about \(claim.seconds) s\n"
        )
      }
      return
    }
    var results: [(claim: Claim, finding: Finding)] = []
    for claim in claims {
      var finished: [FinishedRun] = []
      for planned in claim.runs { finished.append(try await finish(planned, of: claim)) }
      var studies: [BatchStudy] = []
      for planned in claim.studies { studies.append(try await measure(planned, of: claim)) }
      let finding = try claim.finding(finished, studies: studies)
      if !json { Terminal.output.write(GalleryText(claim, finding).text + "\n") }
      results.append((claim, finding))
    }
    let held = results.filter(\.finding.holds).count
    if !json {
      Terminal.output.write(
        "\(held) of \(NumberFormat.counted(results.count, "claim")) \(held == 1 ? "holds" : "hold")\n"
      )
    }
    try write(results)
  }

  private func chosen() throws -> [Claim] {
    guard !names.isEmpty else { return all || list ? gallery : gallery.filter(\.isShort) }
    return try names.map { name in
      guard let claim = gallery.first(where: { $0.name == name }) else {
        throw CommandFailure(
          .usage,
          "\(PlainText.sanitized(name, limit: 60)): no such claim; there are \(gallery.map(\.name).joined(separator: ", "))"
        )
      }
      return claim
    }
  }

  /// A planned run's records: those that are there, or of a run made now.
  private func finish(_ planned: PlannedRun, of claim: Claim) async throws -> FinishedRun {
    let directory = RunDirectory(folder(planned.name, of: claim))
    if force || !directory.holdsReport {
      let path = try experiment(of: claim)
      let worker = try WorkerProgram(nil)
      let launch = try await WorkerLaunch(
        worker: worker, experiment: path, overrides: planned.overrides, hostfile: nil,
        mpirunArguments: [])
      let experiment = try await worker.describe(path, overrides: planned.overrides)
      let request = try RankRequest(
        ranks: planned.ranks.map(String.init) ?? ranks, threads: experiment.threads,
        mostRanks: experiment.mostRanks)
      let line = launch.line(
        launch.division(request), directory: directory,
        options: ["--force"] + (planned.fault.map { ["--inject", $0] } ?? []))
      let watch = RunWatch(
        name: "\(claim.name): \(planned.name)", directory: directory,
        isQuiet: Terminal.terminal == nil, showsReport: .none)
      var job = TrainingJob(line: line, directory: directory, watch: watch, maxRestarts: 0)
      job.resumeLine = ResumeLine.text(CommandLine.arguments, option: nil)
      let code = try await job.run()
      guard code == .done else { throw CommandFailure(code, "") }
    }
    // What has ended is not run again: the same command goes on after it.
    await StopControl.shared.take(.resumable)
    do throws(RunFileError) {
      return try FinishedRun(name: planned.name, directory: directory)
    } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }

  /// A planned measurement of a critical batch: that which is there, or one made now.
  private func measure(_ planned: PlannedStudy, of claim: Claim) async throws -> BatchStudy {
    var arguments =
      [try experiment(of: claim), "-n", ranks, "--output", folder(planned.name, of: claim)]
      + planned.options + planned.overrides.flatMap { ["--set", $0] }
    if force { arguments.append("--force") }
    if Terminal.terminal == nil { arguments.append("--quiet") }
    return try await CriticalBatchCommand.parse(arguments).measured().study
  }

  private func folder(_ name: String, of claim: Claim) -> String {
    let folder = name.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }
    return "\(WorkerLaunch.notAnOption(output))/\(claim.name)/\(String(folder))"
  }

  private func experiment(of claim: Claim) throws -> String {
    guard let experiments = experiments ?? Installation.experiments else {
      throw CommandFailure(
        .usage,
        "no Launch/experiments above this program or here: --experiments DIR says where they are")
    }
    return "\(experiments)/\(claim.experiment)"
  }

  /// `12 runs`, `3 critical-batch measurements`.
  private func work(_ claim: Claim) -> String {
    [(claim.runs.count, "run"), (claim.studies.count, "critical-batch measurement")]
      .filter { $0.0 > 0 }.map { NumberFormat.counted($0.0, $0.1) }.joined(separator: ", ")
  }

  private func write(_ results: [(claim: Claim, finding: Finding)]) throws {
    var json = JSONText(indented: true)
    json.array(results) { json, entry in json.value(GalleryText(entry.claim, entry.finding)) }
    if self.json { Terminal.output.write(json.string + "\n") }
    do { try Data(json.string.utf8).write(to: URL(filePath: output + "/gallery.json")) } catch {
      throw CommandFailure(
        .usage, "\(output)/gallery.json cannot be written: give --output a directory that can be")
    }
  }
}
