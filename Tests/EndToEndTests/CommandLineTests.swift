import Foundation
import RankTesting
import Recording
import Reports
import Testing

/// The coordinator's errors for unknown words, and its output on a terminal; fault list F.
@Suite struct CommandLineTests {
  private static let commands =
    "(the commands: run, report, verify, bench, scale, critical-batch, inspect, keys, init, evaluate, predict, sample, samples, gallery, doctor"

  @Test(arguments: [
    (["train", "x"], "train: no such command; did you mean run? "),
    (["help", "reprot"], "reprot: no such command; did you mean report? "),
    (
      ["mine.toml", "-n", "2"],
      "mine.toml: no such command; to train it: lockstep run mine.toml -n RANKS "
    ),
    (["frobnicate"], "frobnicate: no such command "),
  ])
  func anUnknownCommandNamesTheCommandsAndTheNearest(_ arguments: [String], _ answer: String) throws
  {
    let outcome = try Programs.run(Programs.path("lockstep"), arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("lockstep: \(answer)\(Self.commands)"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test func aMissingArgumentPointsToItsCommandsHelp() throws {
    let outcome = try Programs.run(Programs.path("lockstep"), ["run", "x.toml"])
    #expect(
      outcome.status == 64 && outcome.errors.hasSuffix(" (see lockstep help run)\n"),
      "\(outcome.errors)")
  }

  /// A run on a terminal of 60 columns, which `script` makes. With `NO_COLOR` or `TERM=dumb` it
  /// prints no escape code, not even for the progress bar.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
  func aTerminalThatWantsNoEscapeCodesGetsNone() throws {
    let folder = TemporaryFolder()
    let run =
      "'\(Programs.path("lockstep"))' run '\(folder.experiment(steps: 5))' -n 1 --force --output '\(folder.path("run"))'"
    func terminal(_ environment: [String: String]) throws -> String {
      let outcome = try Programs.run(
        "/usr/bin/script", ["-qec", "stty cols 60; \(run)", "/dev/null"], environment: environment)
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.output.contains("weights") && outcome.output.contains("step "))
      return outcome.output
    }
    #expect(try terminal(["TERM": "xterm", "NO_COLOR": ""]).contains("\u{1B}[1m"))
    for environment in [["TERM": "xterm", "NO_COLOR": "1"], ["TERM": "dumb", "NO_COLOR": ""]] {
      let text = try terminal(environment)
      #expect(!text.contains("\u{1B}"), "\(environment)")
      // The report, after the evaluation, fits the terminal.
      let lines = text.replacing("\r\n", with: "\n").split(separator: "\n")
      let report = lines.drop { !$0.hasPrefix("evaluation") }.dropFirst()
      #expect(report.count > 10 && report.dropLast().allSatisfy { $0.count <= 60 }, "\(text)")
      // In plain lines, the evaluation follows the last step.
      #expect(
        lines.drop { !$0.hasPrefix("step 5/5") }.contains { $0.hasPrefix("evaluation") }, "\(text)")
    }
  }

  /// Help is 80 columns wide without a terminal: a longer example would be broken between an option
  /// and its value.
  @Test func noExampleOfTheHelpIsBroken() throws {
    struct Help: Decodable {
      struct Command: Decodable {
        var commandName: String
        var discussion: String?
        var subcommands: [Command]?
      }
      var command: Command
    }
    let dump = try Programs.run(Programs.path("lockstep"), ["--experimental-dump-help"])
    let help = try JSONDecoder().decode(Help.self, from: Data(dump.output.utf8))
    let examples = (help.command.subcommands ?? []).flatMap { command in
      (command.discussion ?? "").split(separator: "\n").filter { $0.hasPrefix("  lockstep ") }
    }
    #expect(examples.count >= 10)
    for example in examples { #expect(example.count <= 78, "\(example)") }
    let text = try Programs.run(Programs.path("lockstep"), ["help", "run"])
    #expect(
      examples.filter { $0.hasPrefix("  lockstep run") }.allSatisfy {
        text.output.contains("\($0)\n")
      }, "\(text.output)")
  }

  /// Two runs with the same name and another clip: side by side, as a table, and their tensors.
  @Test func runsAreComparedTabulatedAndInspected() throws {
    let folder = TemporaryFolder()
    for (name, limit) in [("a", "1.0"), ("b", "0.5")] {
      let run = try folder.lockstep(
        [
          "run", folder.experiment(steps: 4), "-n", "2", "--output", folder.path(name), "--set",
          "clip.max_norm=\(limit)", "--set",
          "model.hidden=[8]",
          "--set", "checkpoint.every=4", "--json",
        ]
      ).finish()
      #expect(
        run.status == 0 && run.output.hasPrefix("{\n  \"verdict\":"), "\(run.output)\(run.errors)")
    }
    let compared = try folder.lockstep(["report", folder.path("a"), folder.path("b")]).finish()
    let lines = compared.output.split(separator: "\n")
    #expect(
      lines.contains { $0.hasPrefix("set differently") }
        && lines.contains { $0.contains(/^clip.max_norm +1\.0 +0\.5$/) },
      "\(compared.output)")
    #expect(lines.contains { $0.hasPrefix(folder.path("b")) }, "the runs have the same name")
    let table = try folder.lockstep(["report", folder.path("a"), "--csv", "metrics"]).finish()
    #expect(
      table.output.hasPrefix("step,epoch [epochs],samples [samples],loss,")
        && table.output.split(separator: "\n").count == 5)
    #expect(
      try String(contentsOf: folder.url("a/report.html"), encoding: .utf8).contains(
        "<title>small (\(folder.path("a"))) – Lockstep</title>")
    )

    let run = try folder.lockstep(["inspect", folder.path("a")]).finish()
    #expect(
      run.output.hasPrefix("run small; checkpoints of steps 4\n")
        && run.output.contains("final.safetensors"), "\(run.output)")
    let checkpoint = folder.path("a/checkpoints/step-00000004")
    let whole = try folder.lockstep(["inspect", checkpoint]).finish()
    #expect(
      whole.status == 0 && whole.output.hasPrefix("checkpoint of step 4\n"), "\(whole.output)")
    #expect(whole.output.components(separatedBy: "as state.json says\n").count == 3)
    try FileManager.default.removeItem(atPath: checkpoint + "/model.safetensors")
    try FileManager.default.copyItem(
      atPath: checkpoint + "/optimizer.safetensors", toPath: checkpoint + "/model.safetensors")
    let damaged = try folder.lockstep(["inspect", checkpoint, "--json"]).finish()
    #expect(
      damaged.status == 65 && damaged.errors.contains("model.safetensors")
        && damaged.errors.contains("state.json"), "\(damaged.errors)")
  }
}
