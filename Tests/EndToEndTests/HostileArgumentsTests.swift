import Foundation
import RankTesting
import Testing

/// Arguments of the programs that are no text, or that would control a terminal. // E4
@Suite struct HostileArgumentsTests {
  /// Runs a line of shell, in which $PROGRAM is one of the two programs.
  private func shell(_ line: String, _ program: String) throws -> Outcome {
    try Programs.run("/bin/sh", ["-c", line, "sh", Programs.path(program)], limit: 30)
  }

  @Test(arguments: ["lockstep", "lockstep-worker"])
  func anOutputThatIsNotUTF8IsRefused(_ program: String) throws {
    let folder = TemporaryFolder()
    let command = program == "lockstep" ? "run x.toml" : "x.toml"
    let outcome = try shell(
      "cd '\(folder.path("."))' && exec \"$1\" \(command) --output \"$(printf 'a\\377b')\"", program
    )
    #expect(outcome.status == 64)
    #expect(
      outcome.errors.contains("is not UTF-8: name files and directories in UTF-8"),
      "\(outcome.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path(".")).isEmpty)
  }

  @Test func aWorkersMessagesHoldNoControlBytes() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(
      1, ["\(folder.path("."))/\u{1B}[31mred\u{9B}1m\u{202E}.toml"], program: "lockstep-worker")
    #expect(outcome.status == 64)
    let line = try #require(outcome.errors.split(separator: "\n").first { $0.hasPrefix("rank 0 ") })
    #expect(line.contains("[31mred") && line.contains("no such experiment file"), "\(line)")
    #expect(
      line.unicodeScalars.allSatisfy {
        $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
      }, "\(line.debugDescription)")
  }
}
