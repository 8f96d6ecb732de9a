import ArgumentParser
import CommandOptions
import ExperimentKeys
import FoundationEssentials
import Launching
import Recording
import Reports
import Scaling

/// `lockstep bench WORKLOAD -n RANKS`: times one workload in the real trainer and prints one line
/// of JSON.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times a standard workload: one line of JSON on standard output.",
    discussion: """
      Workloads, each in Float32, one thread a rank unless --threads says otherwise, the mean gradient's L2 norm clipped at 1:
      \(Workload.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))
      A step counts from a batch that is ready to weights that are updated on the slowest rank; step_ms is the median over steps. gemm_fraction is the rate
      of multiply-adds in products and convolutions, over the whole step, divided by that of large matrix products: the median of those that all ranks
      time between steps.
      Exit codes: 0 done, 64 bad options, 65 bad data, 70 a worker failed, 78 MPI unusable.
      """)

  @Argument(
    help: ArgumentHelp("What to time.", valueName: "workload"),
    completion: .list(Workload.all.map(\.name)))
  var workload: String

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)],
    parsing: .unconditional,
    help: ArgumentHelp(
      "Number of ranks, or auto. While there are cores enough, each is bound to one a thread.",
      valueName: "ranks"))
  var ranks: String

  @OptionGroup var threads: ThreadsOption

  @Option(
    help: ArgumentHelp(
      "Steps to time, after \(Workload.warmUp) that are not. Default: a few seconds' worth.",
      valueName: "count"))
  var steps: Int?

  @Flag(help: "Print the line of JSON alone, and nothing for people on standard error.")
  var json = false

  @Flag(
    help:
      "Show also where a step's time goes, by rank and by layer, and write a trace of every step.")
  var profile = false

  @Option(
    help: ArgumentHelp("The trace's file. Default: WORKLOAD-RANKS.trace.json.", valueName: "file"))
  var trace: String?

  @Flag(help: "Replace the trace's file.")
  var force = false

  @OptionGroup var hostfile: HostfileOption

  @OptionGroup var mpirun: MpirunOption

  @OptionGroup var program: WorkerOption

  func run() async throws {
    guard let workload = Workload.named(workload) else {
      throw CommandFailure(
        .usage,
        "\(PlainText.sanitized(self.workload, limit: 60)): no such workload; there are \(Workload.all.map(\.name).joined(separator: ", "))"
      )
    }
    let steps = steps ?? workload.steps
    guard (1...10_000_000).contains(steps) else {
      throw CommandFailure(.usage, "--steps \(steps): give a number from 1 to 10,000,000")
    }
    guard profile || trace == nil else {
      throw CommandFailure(.usage, "--trace is for --profile; give both")
    }
    let launch = try await WorkerLaunch(
      worker: try program.worker(), experiment: workload.name, overrides: [],
      hostfile: hostfile.path,
      mpirunArguments: mpirun.arguments)
    let request = try RankRequest(ranks: ranks, threads: try threads.checked() ?? .fixed(1))
    let division = launch.division(request)
    var options = ["--bench-steps", String(steps)] + threads.arguments
    if profile { options += ["--bench-trace", try traceFile(ranks: division.ranks)] }
    let line = launch.benchLine(division, options: options)
    if !json { for note in line.notes { Terminal.error.write("note: \(note)\n") } }
    let result = try await line.result(of: BenchResult.self)
    if !json { Terminal.error.write(BenchText(result).text) }
    Terminal.output.write(JSONText(of: result).string + "\n")
  }

  private func traceFile(ranks: Int) throws -> String {
    let path = WorkerLaunch.notAnOption(trace ?? "\(workload)-\(ranks).trace.json")
    if !force && FileManager.default.fileExists(atPath: path) {
      throw CommandFailure(
        .usage, "\(path) is there already: --force replaces it, --trace FILE names another")
    }
    return path
  }
}
