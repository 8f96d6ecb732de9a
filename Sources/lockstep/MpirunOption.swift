import ArgumentParser
import CommandOptions
import ExperimentKeys
import Recording
import Reports

/// The option by which a command that starts ranks hands arguments on to mpirun.
struct MpirunOption: ParsableArguments {
  @Option(
    name: .customLong("mpirun-arg"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("An argument for mpirun; may be repeated.", valueName: "arg"))
  var arguments: [String] = []
}

/// The option by which a command is given other values of an experiment's keys.
struct SettingsOption: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Override a key of the experiment; may be repeated.", valueName: "key=value"),
    completion: .custom { arguments, _, _ in SettingCompletion.answers(arguments) })
  var overrides: [String] = []
}

/// The option by which a command is given hosts, where it says nothing more of them.
struct HostfileOption: ParsableArguments {
  @Option(
    name: .customLong("hostfile"),
    help: ArgumentHelp("Open MPI hostfile: lines `name slots=N`.", valueName: "file"))
  var path: String?
}

extension ThreadsOption {
  /// The number, which has to be one; nil where the option is not given.
  func checked() throws -> ThreadCount? {
    if let mistake { throw CommandFailure(.usage, PlainText.sanitized(mistake)) }
    return count
  }

  /// The option as an override of the experiment's key, which it takes the place of.
  func checkedOverrides() throws -> [String] {
    _ = try checked()
    return overrides
  }
}
