import Foundation
import Launching
import RankTesting
import Synchronization
import Testing

/// Children of this program: what they print, how they end, and what they inherit.
@Suite struct ChildProcessTests {
  private static func shell(_ script: String, _ words: String..., limit: Int = 1 << 20) async throws
    -> ChildProcess.Answer
  {
    try await ChildProcess.answer(to: ["sh", "-c", script, "sh"] + words, limit: limit)
  }

  @Test func aChildsOutputAndEndAreKnown() async throws {
    let said = try await Self.shell("printf '%s|' \"$@\"; echo no >&2; exit 7", "a b", "", "é")
    #expect(said.output == "a b||é|" && said.errors == "no\n" && said.ending == .exited(7))
    #expect(try await Self.shell("kill -9 $$").ending == .signalled(9))
  }

  /// More than a pipe holds, of both streams at the same time; the limit keeps the beginning.
  @Test func aChildIsNotStoppedByWhatItPrints() async throws {
    let script = "seq 1 200000; seq 1 200000 >&2; echo end"
    let whole = (1...200_000).map { "\($0)\n" }.joined() + "end\n"
    let said = try await Self.shell(script, limit: 1 << 24)
    #expect(said.output == whole && said.errors == String(whole.prefix(1 << 16)))
    #expect(try await Self.shell(script, limit: 100).output == String(whole.prefix(100)))
  }

  /// As mpirun leaves a connection to a host that has lost its power, which holds the output open:
  /// silent, or one that does not stop.
  @Test(arguments: ["sleep 1000", "yes"])
  func whatIsLeftBehindIsEndedAndNotWaitedFor(left: String) async throws {
    let said = try await Self.shell("\(left) & echo $! >&2; seq 1 3000 >&2; exit 3")
    let lines = said.errors.split(separator: "\n").map(String.init)
    #expect(said.ending == .exited(3) && Array(lines.dropFirst()) == (1...3000).map { "\($0)" })
    let process = try #require(Int32(lines.first ?? ""))
    #expect(await ends(process))
  }

  @Test func aChildStartsAsANewProgramDoes() async throws {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGUSR2)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    defer { pthread_sigmask(SIG_UNBLOCK, &set, nil) }
    let leaked = open("/dev/null", O_RDONLY)
    defer { close(leaked) }
    let script =
      "grep -E 'SigBlk|SigIgn' /proc/self/status; for file in 0 1 2 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$file && printf %s\" \" $file; done; cat; cut -d' ' -f5 /proc/self/stat"
    let lines = try await Self.shell(script).output.split(separator: "\n").map(String.init)
    // glibc has the two signals of its own, 32 and 33, ignored in what it spawns.
    let masks = lines[...1].map { UInt64($0.suffix(16), radix: 16).map { $0 & ~(3 << 31) } }
    #expect(masks == [0, 0], "\(lines)")
    #expect(lines[2].hasPrefix("0 1 2 "), "\(lines)")
    #expect(!lines[2].hasPrefix("0 1 2 3 "), "\(lines)")
    #expect(Int32(lines[2].split(separator: " ").last ?? "") != getpgrp(), "\(lines)")
  }

  @Test func aChildHasTheEnvironmentThatIsGiven() async throws {
    let only = try await ChildProcess.answer(
      to: ["/usr/bin/env"], environment: ["ONE": "a=b"], limit: 1000)
    #expect(only.output == "ONE=a=b\n")
  }

  @Test func aProgramThatCannotBeStartedIsAnError() async throws {
    let error = await #expect(throws: ChildProcess.StartError.self) {
      _ = try await ChildProcess.answer(to: ["/nowhere/program"], limit: 10)
    }
    #expect(error?.description == "No such file or directory")
  }

  /// A cancelled task's child ends with all of its group, even one that takes no SIGTERM.
  @Test func aCancelledChildEnds() async throws {
    let deaf = "trap '' TERM; "
    for (trap, other) in [("", "sleep 100"), (deaf, "sleep 100"), ("", "(\(deaf)sleep 100)")] {
      let lines = Mutex("")
      let task = Task {
        try await ChildProcess.run(
          ["sh", "-c", trap + "\(other) & echo $!; wait; wait; wait"],
          output: { bytes in lines.withLock { $0 += String(decoding: bytes, as: UTF8.self) } },
          errors: { _ in })
      }
      while !lines.withLock({ $0.hasSuffix("\n") }) { await Task.yield() }
      task.cancel()
      let ending = try await task.value
      #expect(ending == .signalled(trap.isEmpty ? SIGTERM : SIGKILL))
      let grandchild = try #require(Int32(lines.withLock { $0 }.dropLast()))
      #expect(await ends(grandchild))
    }
  }

  /// Whether a process that was sent a signal ends.
  private func ends(_ process: Int32) async -> Bool {
    let start = Date()
    while kill(process, 0) == 0, state(of: process) != "Z" {
      if Date().timeIntervalSince(start) > 20 { return false }
      await Task.yield()
    }
    return true
  }

  private func state(of process: Int32) -> Character? {
    FileManager.default.contents(atPath: "/proc/\(process)/stat").map {
      String(decoding: $0, as: UTF8.self)
    }?.split(separator: ")").last?.dropFirst().first
  }
}
