import ArgumentParser
import CommandOptions

/// What commands have alike that do something with trained weights and data on several ranks.
struct TrainedWeightsOptions: ParsableArguments {
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
}
