import Foundation
import RankTesting
import Testing

/// Completion scripts for shells, and the manual page.
@Suite struct CompletionTests {
  @Test(arguments: [("bash", "complete "), ("zsh", "#compdef lockstep"), ("fish", "complete -c")])
  func completionScriptsAreMade(_ shell: String, _ mark: String) throws {
    for program in ["lockstep", "lockstep-worker"] {
      let script = try Programs.run(
        Programs.path(program), ["--generate-completion-script", shell])
      #expect(
        script.status == 0 && script.output.contains(mark) && script.output.contains("simulate"),
        "\(program) for \(shell)")
    }
  }

  /// Sources the script in a new shell and requests completions as the tab key does.
  @Test(arguments: [
    (["ru"], ["run"]),
    (["re"], ["report"]),
    (["run", "--max"], ["--max-restarts"]),
    (["run", "--me"], ["--metrics-port", "--metrics-host"]),
    (["scale", "--p"], ["--predict"]),
    (["evaluate", "run", "--weights", "b"], ["best"]),
    (["predict", "run", "--fo"], ["--force"]),
    // Fault list F: workloads, claims, modes and tables are known too.
    (["bench", "ml"], ["mlp", "mlp-small"]),
    (["gallery", "no"], ["noise-floor"]),
    (["scale", "x.toml", "--mode", "w"], ["weak"]),
    (["report", "x", "--csv", "m"], ["metrics"]),
    (["run", "x.toml", "--set", "guard.sp"], ["guard.spike="]),
  ])
  func bashCompletes(_ words: [String], _ answers: [String]) throws {
    let script = try Programs.run(
      Programs.path("lockstep"), ["--generate-completion-script", "bash"])
    let folder = TemporaryFolder()
    let file = folder.write(script.output, to: "lockstep.bash")
    #expect(try Programs.run("/bin/bash", ["-n", file]).status == 0)
    let typed = (["lockstep"] + words).map { "'\($0)'" }.joined(separator: " ")
    let asked = try Programs.run(
      "/bin/bash",
      [
        "--norc", "--noprofile", "-c",
        """
        source "$1"
        COMP_WORDS=(\(typed)); COMP_CWORD=\(words.count); COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMP_KEY=9
        handler=$(complete -p lockstep); handler=${handler##*-F }; ${handler%% *} lockstep '\(words.last!)' '\((["lockstep"] + words)[words.count - 1])'
        printf '%s\\n' "${COMPREPLY[@]}"
        """, "completion", file,
      ],
      // What only the worker knows the script asks the program itself for.
      environment: [
        "PATH": Programs.directory.path + ":"
          + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
      ])
    #expect(asked.status == 0, "\(asked.errors)")
    let offered = Set(
      asked.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
    #expect(offered == Set(answers), "\(asked.output)\(asked.errors)")
  }
}
