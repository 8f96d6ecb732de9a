import ArgumentParser

/// What `lockstep predict` is asked for; the worker, which knows the model, does it.
public struct PredictOptions: ParsableArguments, Sendable {
  @Argument(
    help: ArgumentHelp(
      "A run directory, a checkpoint directory, or a weights file.", valueName: "weights"))
  public var path: String

  @Option(
    help: ArgumentHelp(
      "The rows to predict: a CSV with the columns that were trained on, in any order, plain or gzip, a .npy file, or an IDX file of images.",
      valueName: "file"),
    completion: .file())
  public var input: String

  @Option(
    help: ArgumentHelp(
      "The file to write, a line a row: NAME.csv or NAME.npy.", valueName: "file"),
    completion: .file(extensions: ["csv", "npy"]))
  public var output: String

  @Option(
    help: ArgumentHelp(
      "Of a run directory final, best or average, or a weights file. Default: final or, where there is none yet, the newest checkpoint.",
      valueName: "choice"),
    completion: .list(["final", "best", "average"]))
  public var weights: String?

  @OptionGroup public var threads: ThreadsOption

  @Flag(help: "Replace the output file.")
  public var force = false

  @Flag(help: "Print the result as one line of JSON: {output, rows, incomplete, columns, weights}.")
  public var json = false

  public init() {}

  /// What is wrong with the options; nil where nothing is.
  public var mistake: String? { threads.mistake }

  /// The same options as arguments.
  public var arguments: [String] {
    var words = ["--input=\(input)", "--output=\(output)"]
    words += threads.arguments
    words += weights.map { ["--weights=\($0)"] } ?? []
    words += (force ? ["--force"] : []) + (json ? ["--json"] : [])
    return words + ["--", path]
  }
}
