import ArgumentParser
import ExperimentKeys

/// The option by which a command is given the threads of each rank.
public struct ThreadsOption: ParsableArguments, Sendable {
  @Option(
    name: .customLong("threads"), parsing: .unconditional,
    help: ArgumentHelp(
      "Compute threads a rank, or auto: as many as each has cores for.", valueName: "count"),
    completion: .list(["auto", "1", "2", "4", "8"]))
  public var text: String?

  public init() {}

  /// What is wrong with the option; nil where nothing is.
  public var mistake: String? {
    guard let text, ThreadCount(text) == nil else { return nil }
    let shown = text.unicodeScalars.count > 40 ? "\(text.prefix(40))…" : text
    return "--threads \(shown): give a whole number from 1 to \(ThreadCount.most), or auto"
  }

  /// The number; nil where the option is not given, or is wrong.
  public var count: ThreadCount? { text.flatMap { ThreadCount($0) } }

  /// The option for a program that takes it too.
  public var arguments: [String] { text.map { ["--threads=\($0)"] } ?? [] }

  /// The option as an override of the experiment's key.
  public var overrides: [String] { count.map { ["training.threads=\($0)"] } ?? [] }
}
