import Foundation
import RankTesting
import Reports
import Testing

/// What the coordinator says to words it does not know, and how it writes on a terminal; fault list F.
@Suite struct CommandLineTests {
  private static let commands = "(the commands: run, report, verify, bench, scale, inspect, sample, gallery, doctor"

  @Test(arguments: [
    (["train", "x"], "train: no such command; did you mean run? "), (["help", "reprot"], "reprot: no such command; did you mean report? "),
    (["mine.toml", "-n", "2"], "mine.toml: no such command; to train it: lockstep run mine.toml -n RANKS "),
    (["frobnicate"], "frobnicate: no such command "),
  ])
  func anUnknownCommandNamesTheCommandsAndTheNearest(_ arguments: [String], _ answer: String) throws {
    let outcome = try Programs.run(Programs.path("lockstep"), arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("lockstep: \(answer)\(Self.commands)"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  /// A run on a terminal of 60 columns, made by `script`, which with `NO_COLOR` or `TERM=dumb` gets no escape code, not even of the progress bar.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
  func aTerminalThatWantsNoEscapeCodesGetsNone() throws {
    let folder = try TestFolder()
    let run = "'\(Programs.path("lockstep"))' run '\(try folder.experiment(steps: 5))' -n 1 --force --output '\(folder.path("run"))'"
    func terminal(_ environment: [String: String]) throws -> String {
      let outcome = try Programs.run("/usr/bin/script", ["-qec", "stty cols 60; \(run)", "/dev/null"], environment: environment)
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.output.contains("weights") && outcome.output.contains("step "))
      return outcome.output
    }
    #expect(try terminal(["TERM": "xterm", "NO_COLOR": ""]).contains("\u{1B}[1m"))
    for environment in [["TERM": "xterm", "NO_COLOR": "1"], ["TERM": "dumb", "NO_COLOR": ""]] {
      let text = try terminal(environment)
      #expect(!text.contains("\u{1B}"), "\(environment)")
      // The report, which follows the evaluation, fits the terminal.
      let lines = text.replacing("\r\n", with: "\n").split(separator: "\n")
      let report = lines.drop { !$0.hasPrefix("evaluation") }.dropFirst()
      #expect(report.count > 10 && report.dropLast().allSatisfy { $0.count <= 60 }, "\(text)")
      // In plain lines, the evaluation follows the last step.
      #expect(lines.drop { !$0.hasPrefix("step 5/5") }.contains { $0.hasPrefix("evaluation") }, "\(text)")
    }
  }
}
