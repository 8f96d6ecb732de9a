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

  @OptionGroup var source: TrainedWeightsOptions

  @Flag(help: "Print the result as one line of JSON: {weights, samples, ranks, loss, score}.")
  var json = false

  @OptionGroup var hostfile: HostfileOption

  @OptionGroup var mpirun: MpirunOption

  @OptionGroup var program: WorkerOption

  func run() async throws {
    let request = try RankRequest(
      ranks: source.ranks, threads: try source.threads.checked() ?? .fixed(1))
    let launch = try await WorkerLaunch(
      worker: try program.worker(), experiment: source.path, overrides: source.overrides,
      hostfile: hostfile.path,
      mpirunArguments: mpirun.arguments)
    let options =
      source.threads.arguments
      + (source.weights.map { ["--weights", WorkerLaunch.notAnOption($0)] } ?? [])
    let line = launch.weightsLine(["--evaluate"] + options, launch.division(request))
    let result = try await line.result(of: EvaluationResult.self)
    Terminal.output.write(json ? JSONText(of: result).string + "\n" : result.text)
  }
}
