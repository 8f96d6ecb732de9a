import ArgumentParser
import CommandOptions
import FoundationEssentials
import Recording
import Reports
import Scaling
import ScalingStudy

/// `lockstep critical-batch EXPERIMENT.toml -n RANKS`: the largest batch that loses nothing, measured
/// by branches of one run.
struct CriticalBatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "critical-batch",
    abstract: "Measures the largest batch that loses nothing against smaller ones.",
    discussion: """
      Trains the experiment to a step, then goes on from its checkpoint, optimiser state and all, with k times the batch, for several k, each over the same
      number of samples and in several orders of them. The learning rate is times sqrt(k) for optimisers that divide by the gradient's size (adamw, lamb,
      lion, muon), times k for others, unchanged for dog. Schedules go on by samples, so that the branch of k = 1 in the first order is the uninterrupted run.
      The loss is the mean on rows held out of the training set (evaluation.split, 0.1 unless set), after a branch's last step. The critical batch is that of
      the largest k whose loss is worse than that of k = 1 by at most two standard errors of the differences, order by order. A law of steps to one loss,
      S = S_min (1 + B_c/B), is fitted to the same branches, each batch predicted from the others; the noise scale of ranks and of samples at the checkpoint
      is a forecast. schedule.batch = "critical" follows the result: schedule.critical names DIR/critical-batch.json.
      The same command goes on where it was stopped: branches that have ended are not run again.
      Exit codes: 0 done, 64 bad options or experiment, 65 bad data, 70 a worker failed, 75 stopped, 78 MPI unusable.

      Examples:
        lockstep critical-batch EXPERIMENT.toml -n 2
        lockstep critical-batch EXPERIMENT.toml -n 2 --at 500 --samples 100000
        lockstep critical-batch EXPERIMENT.toml -n 2 --factors 1,2,4,8,16 --json
      """)

  @Argument(
    help: ArgumentHelp("The experiment file.", valueName: "experiment.toml"),
    completion: .file(extensions: ["toml"]))
  var experiment: String

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)],
    parsing: .unconditional,
    help: ArgumentHelp("Number of ranks, or auto.", valueName: "ranks"))
  var ranks: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The step after which runs branch. Default: half of the run.", valueName: "step"))
  var at: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Samples that each branch trains on; a little fewer, so that all batches end on the same one. Default: a quarter of the run.",
      valueName: "count"))
  var samples: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many times its batch the run is tried with; 1 is always tried.", valueName: "1,2,..."))
  var factors = "1,2,4,8"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Orders of the samples that each batch is tried with, at least two; the first is the experiment's own.",
      valueName: "count"))
  var orders = 3

  @OptionGroup var threads: ThreadsOption

  @OptionGroup var settings: SettingsOption

  @Option(
    help: ArgumentHelp(
      "The measurement's directory. Default: runs/NAME-critical.", valueName: "dir"))
  var output: String?

  @OptionGroup var hostfile: HostfileOption

  @OptionGroup var mpirun: MpirunOption

  @OptionGroup var program: WorkerOption

  @Flag(help: "Replace the measurement in the output directory.")
  var force = false

  @Flag(help: "Print only the result, or the error.")
  var quiet = false

  @Flag(help: "Print the result as JSON, as critical-batch.json has it.")
  var json = false

  func run() async throws {
    let (study, path) = try await measured()
    Terminal.output.write(
      json
        ? JSONText(of: study, indented: true).string + "\n"
        : BatchStudyText(study).text + "\n\(path)\n")
  }

  /// The measurement, and the file that has it: of branches that were there, and of those that were
  /// not and are trained now.
  func measured() async throws -> (study: BatchStudy, path: String) {
    let factors = try factorsWanted()
    for (option, value, least) in [
      ("--at", at, 1), ("--samples", samples, 1), ("--orders", orders, 2),
    ] {
      if let value, value < least {
        throw CommandFailure(.usage, "\(option) \(value): give \(least) or more")
      }
    }
    guard orders <= 100 else {
      throw CommandFailure(.usage, "--orders \(orders): give a number from 2 to 100")
    }
    let worker = try program.worker()
    let overrides = try settings.overrides + threads.checkedOverrides()
    let first = try await worker.describe(experiment, overrides: overrides)
    let forced = try BatchRuns.overrides(of: first)
    let resolved = try await worker.describe(experiment, overrides: overrides + forced)
    let launch = try await WorkerLaunch(
      worker: worker, experiment: experiment, overrides: overrides + forced,
      hostfile: hostfile.path, mpirunArguments: mpirun.arguments)
    let division = launch.division(
      try RankRequest(ranks: ranks, threads: resolved.threads, mostRanks: resolved.mostRanks))
    let plan = BatchPlan(
      step: at, samples: samples, factors: factors, orders: orders, ranks: division.ranks,
      threads: division.threads, experiment: resolved.resolved)
    let folder = WorkerLaunch.notAnOption(output ?? "runs/\(resolved.name)-critical")
    var runs = BatchRuns(
      plan: plan, experiment: resolved, launch: launch, division: division, folder: folder,
      samplesRefusal: await refusal(worker, overrides + forced), isQuiet: quiet)
    let lock = try LockedDirectory(RunDirectory(folder))
    defer { lock.release() }
    try runs.claim(forces: force)
    try await runs.requireHosts()
    let study = try await runs.measure()
    do throws(RunFileError) { try JSONFile.write(study, to: runs.results) } catch {
      throw CommandFailure(.workerFailed, PlainText.sanitized(error.description))
    }
    return (study, runs.results)
  }

  /// The factors in order, 1 among them.
  private func factorsWanted() throws -> [Int] {
    let words = factors.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = words.compactMap { Int($0) }.filter { (1...65536).contains($0) }
    guard numbers.count == words.count, numbers.contains(where: { $0 > 1 }) else {
      throw CommandFailure(
        .usage,
        "--factors \(PlainText.sanitized(factors, limit: 60)): wanted whole numbers from 1 to 65536, one of them above 1, such as 1,2,4,8"
      )
    }
    return Set(numbers + [1]).sorted()
  }

  /// Why single samples have no gradients to be measured; nil where they have.
  private func refusal(_ worker: WorkerProgram, _ overrides: [String]) async -> String? {
    do {
      _ = try await worker.describe(experiment, overrides: overrides + ["report.noise=samples"])
      return nil
    } catch let failure as CommandFailure {
      return failure.line
    } catch {
      return "\(error)"
    }
  }
}
