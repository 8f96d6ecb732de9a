import ArgumentParser
import Files
import Recording
import Reports

/// The names of the coordinator's commands, and what is said to a word that is none of them.
enum CommandNames {
  static var all: [String] {
    Lockstep.configuration.subcommands.compactMap { $0.configuration.commandName }
  }

  /// Where the options of the command that a command line names are explained.
  static func help(_ arguments: [String]) -> String {
    arguments.first.flatMap { all.contains($0) ? "help \($0)" : nil } ?? "--help"
  }

  /// What other systems call these commands.
  private static let hints = [
    "train": "run", "start": "run", "launch": "run", "torchrun": "run", "benchmark": "bench",
    "profile": "bench", "compare": "report",
    "show": "report", "status": "report", "generate": "sample", "check": "doctor",
    "test": "evaluate", "eval": "evaluate", "validate": "evaluate", "score": "evaluate",
    "infer": "predict", "apply": "predict", "classify": "predict",
    "info": "inspect", "list": "gallery",
  ]

  /// The error for a command line whose first word, or the one after `help`, names no command; nil
  /// where it does.
  static func failure(_ arguments: [String]) -> CommandFailure? {
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
    guard let word = words.first, !word.hasPrefix("-"), word != "help", !all.contains(word) else {
      return nil
    }
    let shown = PlainText.sanitized(word, limit: 60)
    let advice =
      if word.hasSuffix(".toml") {
        "; to train it: lockstep run \(shown) -n RANKS"
      } else if let name = hints[word.lowercased()] ?? nearest(word.lowercased(), among: all) {
        "; did you mean \(name)?"
      } else {
        ""
      }
    return CommandFailure(
      .usage, "\(shown): no such command\(advice) (the commands: \(all.joined(separator: ", ")))")
  }
}
