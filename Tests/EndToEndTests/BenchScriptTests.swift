import Foundation
import RankTesting
import Testing

/// `Launch/bench`: the statistics that it prints, on times that are known, and what it says of a
/// wrong command line.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "no python3"))
struct BenchScriptTests {
  private static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Launch/bench").path

  /// Runs Python with the script as the module `bench`.
  private func python(_ body: String) throws -> String {
    let load = """
      import sys, importlib.machinery, importlib.util, json
      sys.dont_write_bytecode = True
      loader = importlib.machinery.SourceFileLoader("bench", \(Self.script.debugDescription))
      bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
      loader.exec_module(bench)

      """
    let outcome = try Programs.run("/usr/bin/python3", ["-c", load + body])
    try #require(outcome.status == 0, "\(outcome.errors)")
    return outcome.output
  }

  /// Places in the order of n values, from tables of the sign test (Dixon and Mood 1946).
  @Test func intervalsOfMediansAreThoseOfTheTables() throws {
    let text = try python(
      "print([bench.interval(range(1, n + 1)) for n in (5, 6, 8, 9, 12, 15, 20, 30)])")
    #expect(
      text == "[None, (1, 6), (1, 8), (2, 8), (3, 10), (4, 12), (6, 15), (10, 21)]\n")
  }

  @Test func ratiosAreOfTheSameRound() throws {
    let text = try python(
      """
      print(bench.ratio_text(bench.comparison([1, 2, 4, 1, 2, 4], [1.5, 3, 6, 1.5, 3, 6])))
      print(bench.ratio_text(bench.comparison([1] * 6, [1.5, 1.4, 1.6, 0.9, 1.2, 1.3])))
      print(bench.ratio_text(bench.comparison([1, 1, 1], [2, None, 2])), bench.comparison([1], [None]))
      """)
    #expect(text == "1.50 1.50–1.50\n1.35 0.90–1.60 ~\n2.00 ~ None\n")
  }

  /// A whole run of programs that print times at once.
  @Test func theTableAndItsLinesSayTheSame() throws {
    let body = """
      import types
      def run(command, **rest):
          ours = "lockstep" in command[0]
          line = {"step_ms": 2.0 if ours else 5.0, "steps": 7, "gemm_fraction": 0.5, "cpu": "A, avx2",
                  "l2_bytes": 1 << 19, "library": "L 1"}
          out = "T 2" if "-c" in command else json.dumps(line)
          assert ours or "-c" in command or command[0] == "Launch/setup" or "7" in command, command
          return types.SimpleNamespace(stdout=out + "\\n", stderr="", returncode=0)
      bench.subprocess.run = run
      for options in [[], ["--json"]]:
          sys.argv = ["bench", "mlp", "--ranks", "2", *options]
          bench.main()
      """
    let lines = try python(body).split(separator: "\n").map(String.init)
    let row = try #require(lines.first { $0.hasPrefix("mlp ") })
    let words = row.split(separator: " ").map(String.init)
    #expect(
      words == [
        "mlp", "2", "2", "2–2", "5", "5–5", "5", "5–5", "-", "2.50", "2.50–2.50", "2.50",
        "2.50–2.50", "-", "50", "%",
      ])
    #expect(lines.contains("A, avx2, second-level cache 512 KB a core; Lockstep by L 1"))
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(lines.last!.utf8)) as? [String: Any])
    let programs = try #require(object["programs"] as? [String: [String: Any]])
    #expect(Set(programs.keys) == ["lockstep", "torch", "torch-compiled"])
    #expect(
      (programs["torch"]?["over_lockstep"] as? [String: Any])?["ratio"] as? Double == 2.5)
  }

  @Test(arguments: [["deeper"], ["--rounds", "none"], ["--ranks", "0"], ["--cpu", "z80"]])
  func misuseIsOneLineAndStatus64(_ arguments: [String]) throws {
    let outcome = try Programs.run("/usr/bin/python3", [Self.script] + arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
  }
}
