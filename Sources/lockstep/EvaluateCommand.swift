import ArgumentParser
import CommandOptions
import ExperimentKeys
import Launching
import Recording
import Reports

/// `lockstep evaluate WEIGHTS -n RANKS`: loss and score of trained weights.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Loss and score of trained weights on the test set, or on other data.",
    discussion: """
      The data are those of the run's experiment or, of a weights file alone, those that it names. --set changes their keys: with another data.path all of
      it is evaluated, unless data.validation says otherwise. Categories, means and vocabulary stay those of the training. The result is the same to the
      bit at any number of ranks.
      Exit codes: 0 done, 64 bad options, or data that do not suit the model, 65 a file that cannot be read, 70 a worker failed, 78 MPI unusable.

      Examples:
        lockstep evaluate runs/wine
        lockstep evaluate runs/fashion-cnn --weights best -n 4 --json
        lockstep evaluate wine.safetensors --set data.path=other.csv
      """)

  @Argument(
    help: ArgumentHelp(
      "A run directory, a checkpoint directory, or a weights file.", valueName: "weights"))
  var path: String

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)],
    parsing: .unconditional,
    help: ArgumentHelp("Number of ranks, or auto.", valueName: "ranks"))
  var ranks = "1"

  @Option(
    help: ArgumentHelp(
      "Of a run directory final, best or average, or a weights file. Default: final or, where there is none yet, the newest checkpoint.",
      valueName: "choice"),
    completion: .list(["final", "best", "average"]))
  var weights: String?

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Another value of a key: of data, seed, or training.micro_batch; may be repeated.",
      valueName: "key.path=value"),
    completion: .custom { arguments, _, _ in SettingCompletion.answers(arguments) })
  var overrides: [String] = []

  @OptionGroup var threads: ThreadsOption

  @Flag(help: "Print the result as one line of JSON: {weights, samples, ranks, loss, score}.")
  var json = false

  @OptionGroup var hostfile: HostfileOption

  @OptionGroup var mpirun: MpirunOption

  @OptionGroup var program: WorkerOption

  func run() async throws {
    let request = try RankRequest(ranks: ranks, threads: try threads.checked() ?? .fixed(1))
    let launch = try WorkerLaunch(
      worker: try program.worker(), experiment: path, overrides: overrides, hostfile: hostfile.path,
      mpirunArguments: mpirun.arguments)
    let options =
      threads.arguments
      + (weights.map { ["--weights", WorkerLaunch.notAnOption($0)] } ?? [])
    let line = launch.weightsLine(["--evaluate"] + options, launch.division(request))
    let result = try await line.result(of: EvaluationResult.self)
    Terminal.output.write(json ? JSONText(of: result).string + "\n" : result.text)
  }
}
