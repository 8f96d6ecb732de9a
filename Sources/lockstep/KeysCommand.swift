import ArgumentParser
import ExperimentKeys
import FoundationEssentials
import Glibc
import Recording
import Reports

/// `lockstep keys [SECTION]`: every key of an experiment file, as the worker declares it.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Lists the keys of an experiment file: default, what they take, what they mean.",
    discussion: """
      Exit codes: 0 done, 64 no such section or key, 78 the worker does not start.

      Examples:
        lockstep keys
        lockstep keys clip
        lockstep keys clip.rule=adagc
        lockstep keys training.overlap
      """)

  @Argument(
    help: ArgumentHelp(
      "A section, a choice such as model.kind=mlp, or one key. Default: all.",
      valueName: "section"))
  var section: String?

  @OptionGroup var program: WorkerOption

  @Flag(help: "Print JSON: {keys}, each with its conditions, type, default, bounds and help.")
  var json = false

  func run() async throws {
    let keys = try await program.worker().keys()
    let text = try usage { () throws(ExperimentError) in
      guard json else {
        return try KeyText.text(keys, section: section, style: Terminal.output.style)
      }
      let chosen = KeyList(try KeyText.chosen(keys, section: section))
      return JSONText(of: chosen, indented: true).string + "\n"
    }
    Terminal.output.write(text)
  }
}

/// `lockstep init [KIND]`: a new experiment file with comments.
struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Writes a new experiment file: the keys of a kind of model, with comments.",
    discussion: """
      Every value in it is the default, so that what is changed stands out.
      Exit codes: 0 done, 64 no such kind, or the file is there already, 78 the worker does not start.

      Examples:
        lockstep init mlp
        lockstep init lstm --output text.toml
      """)

  @Argument(help: ArgumentHelp("A kind of model. Default: mlp.", valueName: "kind"))
  var kind: String?

  @Option(
    help: ArgumentHelp(
      "The file to write. Default: KIND.toml; - prints it instead.", valueName: "file"))
  var output: String?

  @Flag(help: "Replace that file.")
  var force = false

  @OptionGroup var program: WorkerOption

  func run() async throws {
    let keys = try await program.worker().keys()
    let text = try usage { () throws(ExperimentError) in
      try InitText.experiment(kind: kind, keys)
    }
    let path = output ?? "\(kind ?? "mlp").toml"
    if path == "-" { return Terminal.output.write(text) }
    guard force || access(path, F_OK) != 0 else {
      throw CommandFailure(
        .usage, "\(path) is there already: --force replaces it, --output FILE names another")
    }
    do { try Data(text.utf8).write(to: URL(filePath: path)) } catch {
      throw CommandFailure(
        .usage, "\(path) cannot be written: give --output a file that can be")
    }
    Terminal.output.write("\(path): run it with lockstep run \(path) -n 2\n")
  }
}

/// What is wrong with an argument ends the command in one line.
private func usage<Value>(_ body: () throws(ExperimentError) -> Value) throws -> Value {
  do { return try body() } catch {
    throw CommandFailure(.usage, PlainText.sanitized(error.description))
  }
}
