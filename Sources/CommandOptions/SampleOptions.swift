import ArgumentParser

/// What `lockstep sample` is asked for; the worker, which knows the model, does it.
public struct SampleOptions: ParsableArguments, Sendable {
  @Argument(
    help: ArgumentHelp(
      "A run directory, a checkpoint directory, or a weights file.", valueName: "checkpoint"))
  public var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "The text to go on from. Default: \"In the beginning\", or one character that the model knows, where that lacks one of these.",
      valueName: "text"))
  public var prompt: String?

  @Option(
    help: ArgumentHelp(
      "Tokens of text to write; without data.tokenizer these are bytes.", valueName: "count"))
  public var length = 500

  @Option(
    help: ArgumentHelp(
      "Above 1 bolder, below 1 safer, 0 always the most likely token.", valueName: "number"))
  public var temperature = 0.8

  @Option(help: ArgumentHelp("Draw among this many most likely tokens.", valueName: "count"))
  public var top = 40

  @Option(help: ArgumentHelp("Pictures to draw.", valueName: "count"))
  public var pictures = 64

  @Option(help: ArgumentHelp("The PNG file that pictures are drawn to.", valueName: "file"))
  public var output = "sample.png"

  @OptionGroup public var threads: ThreadsOption

  @Flag(help: "Replace that file.")
  public var force = false

  @Option(help: ArgumentHelp("What is drawn depends on it.", valueName: "number"))
  public var seed = 1

  public init() {}

  /// What is wrong with the options; nil where nothing is.
  public var mistake: String? {
    if let mistake = threads.mistake { return mistake }
    return length >= 0 && temperature >= 0 && temperature.isFinite && top >= 1 && seed >= 0
      && (1...65536).contains(pictures)
      ? nil
      : "--length, --temperature and --seed cannot be negative, --top is at least 1, and --pictures from 1 to 65536"
  }

  /// The same options as arguments.
  public var arguments: [String] {
    var words = prompt.map { ["--prompt=\($0)"] } ?? []
    words += [
      "--length=\(length)", "--temperature=\(temperature)", "--top=\(top)",
      "--pictures=\(pictures)", "--output=\(output)", "--seed=\(seed)",
    ]
    words += threads.arguments
    return words + (force ? ["--force"] : []) + ["--", checkpoint]
  }
}
