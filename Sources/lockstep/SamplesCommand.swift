import ArgumentParser
import CommandOptions
import ExperimentKeys
import Files
import Foundation
import Launching
import Recording
import Reports

/// `lockstep samples RUN -n RANKS`: every training sample's gradient norm and loss.
struct SamplesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "samples",
    abstract: "Norms of the gradients of single training samples, the largest first.",
    discussion: """
      One pass over the training set with trained weights, the norms measured exactly in the backward pass. Samples that the model has not learned have the
      largest norms: mislabelled and odd ones come first. samples.csv has a line a sample: its index, the norm of its gradient, its loss and, of classes,
      its label; samples.png shows the largest where they are images. Not for models that mix samples (batch-norm), k-means and policies.
      Exit codes: 0 done, 64 bad options, or a model that has no such norms, 65 a file that cannot be read, 70 a worker failed, 78 MPI unusable.

      Examples:
        lockstep samples runs/fashion-cnn -n 2
        lockstep samples runs/fashion-cnn --step 400 --top 50 --json
      """)

  @OptionGroup var source: TrainedWeightsOptions

  @Option(
    help: ArgumentHelp("Take the weights of a run's checkpoint after this step.", valueName: "step")
  )
  var step: Int?

  @Option(help: ArgumentHelp("How many samples are listed.", valueName: "count"))
  var top = 10

  @Option(
    help: ArgumentHelp(
      "The table to write. Default: samples.csv in the run directory, or here for a weights file.",
      valueName: "file"),
    completion: .file(extensions: ["csv"]))
  var output: String?

  @Flag(help: "Replace the table and the picture.")
  var force = false

  @Flag(
    help:
      "Print the result as one line of JSON: {weights, samples, ranks, median, rms, table, picture, largest}."
  )
  var json = false

  @OptionGroup var hostfile: HostfileOption

  @OptionGroup var mpirun: MpirunOption

  @OptionGroup var program: WorkerOption

  func validate() throws {
    if top < 1 { throw ValidationError("--top \(top): give 1 or more") }
    if step != nil && source.weights != nil {
      throw ValidationError("--step and --weights: give one of them")
    }
  }

  func run() async throws {
    let request = try RankRequest(
      ranks: source.ranks, threads: try source.threads.checked() ?? .fixed(1))
    let table = output ?? (isRun ? "\(source.path)/samples.csv" : "samples.csv")
    if !force && FileManager.default.fileExists(atPath: table) {
      throw CommandFailure(
        .usage, "\(table) is there already: --force replaces it, --output FILE names another")
    }
    let launch = try await WorkerLaunch(
      worker: try program.worker(), experiment: source.path, overrides: source.overrides,
      hostfile: hostfile.path,
      mpirunArguments: mpirun.arguments)
    let choice = try step.map { try checkpoint(after: $0) } ?? source.weights
    let options =
      ["--samples", WorkerLaunch.notAnOption(table), "--top", "\(top)"] + source.threads.arguments
      + (choice.map { ["--weights", WorkerLaunch.notAnOption($0)] } ?? [])
    let line = launch.weightsLine(options, launch.division(request))
    let result = try await line.result(of: SamplesResult.self)
    Terminal.output.write(json ? JSONText(of: result).string + "\n" : result.text)
  }

  private var isRun: Bool {
    FileManager.default.fileExists(atPath: RunDirectory(source.path).experiment)
  }

  /// The weights file of a checkpoint.
  private func checkpoint(after step: Int) throws -> String {
    let directory = RunDirectory(source.path)
    let steps = try directory.checkpointSteps()
    guard steps.contains(step) else {
      throw CommandFailure(
        .usage,
        "--step \(step): \(source.path) has \(steps.isEmpty ? "no checkpoints" : "checkpoints of steps " + steps.map(String.init).joined(separator: ", "))"
      )
    }
    return "\(directory.checkpoints)/\(RunDirectory.checkpointName(step))/model.safetensors"
  }
}
