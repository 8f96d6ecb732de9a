import Files
import Foundation
import RankTesting
import Testing

/// Of two runs with one directory, one is refused. // C3
@Suite(.serialized) struct RunLockEndToEndTests {
  /// A run that lasts until it is stopped.
  private func experiment(_ folder: TemporaryFolder) -> String {
    folder.logistic(steps: 100_000_000, "every = 1000\n[checkpoint]\nevery = 2000")
  }

  private func run(_ folder: TemporaryFolder, _ options: String...) throws -> RunningProgram {
    try folder.lockstep(
      ["run", experiment(folder), "-n", "2", "--quiet", "--output", folder.path("run")] + options
    )
  }

  private func hasBegun(_ folder: TemporaryFolder) -> () -> Bool {
    { FileManager.default.fileExists(atPath: folder.path("run/checkpoints/step-00002000")) }
  }

  /// The steps on record, each once and in order.
  private func expectWholeRecords(_ folder: TemporaryFolder) throws {
    let steps = try folder.lines("run/metrics.jsonl").map {
      $0.dropFirst("{\"step\":".count).prefix { $0.isNumber }
    }.map { Int($0) ?? 0 }
    #expect(steps.count >= 2000 && steps == Array(1...max(1, steps.count)))
  }

  @Test func aSecondRunIsRefusedAndACrashFreesTheDirectory() throws {
    let folder = TemporaryFolder()
    let first = try run(folder)
    try #require(first.wait(until: hasBegun(folder)), "\(first.errors)")
    for option in ["--resume", "--force"] {
      let second = try run(folder, option).finish()
      #expect(second.status == 64, "\(second.errors)")
      #expect(
        second.errors.split(separator: "\n").count == 1
          && second.errors.contains("process \(first.identifier) on ")
          && second.errors.contains("since 20"), "\(second.errors)")
    }
    // The same without a coordinator.
    let plain = try Programs.mpirun(
      2, [folder.path("x.toml"), "--output", folder.path("run"), "--resume"],
      program: "lockstep-worker")
    #expect(
      plain.status == 64 && plain.errors.contains("process \(first.identifier) on "),
      "\(plain.errors)")

    // A coordinator that is killed leaves its lock; the next run sees that the process is gone.
    first.signal(SIGKILL)
    _ = try first.finish()
    let next = try run(folder, "--resume")
    let taken = next.wait {
      (try? String(contentsOf: folder.url("run/lock"), encoding: .utf8))?.contains(
        "\"process\":\(next.identifier),") == true
    }
    #expect(taken, "\(next.errors)")
    let newest = {
      (try? FileManager.default.contentsOfDirectory(atPath: folder.path("run/checkpoints")).sorted()
        .last) ?? ""
    }
    let before = newest()
    #expect(next.wait { newest() > before }, "\(next.errors)")
    next.signal(SIGTERM)
    let outcome = try next.finish()
    #expect(outcome.status == 75, "\(outcome.errors)")
    try expectWholeRecords(folder)
    #expect(!FileManager.default.fileExists(atPath: folder.path("run/lock")))
  }

  /// While a holder is stopped, another machine, which cannot see its process, takes the directory
  /// over. The old holder ends as soon as it continues.
  @Test func aStoppedHolderEndsWithoutWriting() throws {
    let folder = TemporaryFolder()
    let file = experiment(folder)
    let job = try Programs.startMpirun(
      2, [file, "--output", folder.path("run")], program: "lockstep-worker")
    try #require(job.wait(until: hasBegun(folder)), "\(job.errors)")
    let lock =
      try JSONSerialization.jsonObject(with: Data(contentsOf: folder.url("run/lock")))
      as? NSDictionary
    let holder = try #require(lock?["process"] as? Int32)
    kill(holder, SIGSTOP)
    var elsewhere = ProcessIdentity.current()
    (elsewhere.host, elsewhere.boot) = ("node7", "another boot")
    let taker = try RunLock.acquire(folder.path("run"), as: elsewhere, patience: 1)
    func content() throws -> [String: Data] {
      let manager = FileManager.default
      var all: [String: Data] = [:]
      for name in try manager.subpathsOfDirectory(atPath: folder.path("run"))
      where name != "lock" && !name.contains(".tmp-") {
        all[name] = manager.contents(atPath: folder.path("run/" + name)) ?? Data()
      }
      return all
    }
    let before = try content()
    kill(holder, SIGCONT)
    let outcome = try job.finish()
    #expect(
      outcome.status == 64
        && outcome.errors.contains("another run has taken this directory over by process"),
      "\(outcome.errors)")
    let after = try content()
    #expect(Set(after.keys) == Set(before.keys))
    for (name, data) in before { #expect(after[name] == data, "\(name) was written") }
    try taker.verify()
  }
}
