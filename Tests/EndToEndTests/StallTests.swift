import Foundation
import RankTesting
import Recording
import Reports
import Testing

/// A rank that does not enter a collective is named, with its host and the collective, and the run
/// ends in time (D1).
@Suite(.serialized) struct StallTests {
  private static let settings = ["--set", "model.hidden=[16]", "--stall-warn", "0.5"]

  /// The process of each rank.
  private func ranks(_ job: RunningProgram) -> [Int: Int32] {
    var found: [Int: Int32] = [:]
    for process in job.descendants where process.name.hasPrefix("lockstep-worke") {
      let environment =
        FileManager.default.contents(atPath: "/proc/\(process.identifier)/environ") ?? Data()
      for entry in environment.split(separator: 0) {
        let words = String(decoding: entry, as: UTF8.self).split(separator: "=")
        if words.count == 2 && ["OMPI_COMM_WORLD_RANK", "PMI_RANK"].contains(words[0]),
          let rank = Int(words[1])
        {
          found[rank] = process.identifier
        }
      }
    }
    return found
  }

  private func incident(_ folder: TemporaryFolder) throws -> [String: Any] {
    let lines = try folder.lines("run/incidents.jsonl")
    #expect(lines.count == 1)
    return try #require(
      try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
  }

  @Test func aStoppedRankIsNamedAndEndsTheRun() throws {
    let folder = TemporaryFolder()
    let job = try folder.lockstep(
      [
        "run", folder.experiment(steps: 1_000_000), "-n", "3", "--output", folder.path("run"),
        "--stall-abort", "2",
      ] + Self.settings)
    try #require(
      job.wait { job.errors.contains("step ") && ranks(job).count == 3 }, "\(job.errors)")
    let stopped = try #require(ranks(job)[1])
    kill(stopped, SIGSTOP)
    let outcome = try job.finish(limit: 60)
    #expect(outcome.status == 70, "\(outcome.errors)")
    let lines = outcome.errors.split(separator: "\n")
    let named =
      /rank 1 on [^ ]+ (has not (entered|left) the [a-z-]+ of step [0-9]+ \(no\. [0-9]+.*\)|: stopped).*process [0-9]+.*/
    #expect(
      lines.contains {
        $0.hasPrefix("warning: rank 1 on ") && $0.contains("kill -CONT \(stopped)")
      }, "\(outcome.errors)")
    let last = try #require(lines.last)
    #expect(last.contains(named) && last.contains("the run is ended (--stall-abort 2)"), "\(last)")
    #expect(last.contains("ranks 0,2 wait"), "\(last)")
    #expect(job.wait(for: 5) { job.descendants.isEmpty }, "\(job.descendants)")

    let incident = try incident(folder)
    #expect(
      incident["kind"] as? String == "stall" && incident["rank"] as? Int == 1
        && incident["state"] as? String == "stopped")
    #expect(
      incident["waiting"] as? [Int] == [0, 2] && (incident["step"] as? Int ?? 0) > 0
        && (incident["seconds"] as? Double ?? 0) >= 0.5)
    for rank in 0..<3 {
      let entries = try folder.lines("run/stalls/rank-\(rank).jsonl")
      #expect(entries.count > 20, "rank \(rank) has \(entries.count) lines")
      #expect(
        entries[0].contains("\"state\":\"\(rank == 1 ? "stopped" : "running")\""), "\(entries[0])")
    }
  }

  @Test func withoutTheCoordinatorAStoppedRank0IsNamedAndEndsTheRun() throws {
    let folder = TemporaryFolder()
    let command =
      TestMPI.command(2, yields: false) + [Programs.path("lockstep-worker")]
    let job = try RunningProgram(
      "/usr/bin/env",
      command + [
        folder.experiment(steps: 1_000_000), "--output", folder.path("run"), "--stall-abort", "2",
      ] + Self.settings)
    try #require(
      job.wait { job.output.contains("step ") && ranks(job).count == 2 }, "\(job.errors)")
    kill(try #require(ranks(job)[0]), SIGSTOP)
    let outcome = try job.finish(limit: 60)
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(outcome.errors.contains("warning: rank 0 on "), "\(outcome.errors)")
    #expect(
      outcome.errors.contains(/\nrank 0 on [^ ]+: stalled: rank 0 on [^ ]+/), "\(outcome.errors)")
    #expect(try incident(folder)["rank"] as? Int == 0)
    #expect(job.wait(for: 5) { job.descendants.isEmpty }, "\(job.descendants)")
  }

  @Test func aRankThatContinuesAfterAWarningChangesNothing() throws {
    let folder = TemporaryFolder()
    let arguments =
      ["run", folder.experiment(steps: 400), "-n", "2", "--set", "training.global_batch=512"]
      + Self.settings
    let quiet = try folder.lockstep(arguments + ["--output", folder.path("quiet"), "--quiet"])
      .finish()
    try #require(quiet.status == 0, "\(quiet.errors)")
    let job = try folder.lockstep(arguments + ["--output", folder.path("run")])
    try #require(
      job.wait { job.errors.contains("step ") && ranks(job).count == 2 }, "\(job.errors)")
    let stopped = try #require(ranks(job)[1])
    kill(stopped, SIGSTOP)
    #expect(job.wait { job.errors.contains("warning: rank 1 on ") }, "\(job.errors)")
    kill(stopped, SIGCONT)
    let outcome = try job.finish()
    #expect(
      outcome.status == 0 && outcome.errors.contains(/note: rank 1 on [^ ]+ goes on after/),
      "\(outcome.errors)")
    #expect(
      try Data(contentsOf: folder.url("run/final.safetensors"))
        == Data(contentsOf: folder.url("quiet/final.safetensors")))
    #expect(try incident(folder)["rank"] as? Int == 1)
  }

  /// Ranks that call different collectives, or one that never enters: the same records show it, and
  /// it is reported.
  @Test(arguments: [
    (
      "other",
      "call different collectives in step 3: ranks 0,2 the all-reduce of 8 bytes, rank 1 the broadcast of 8 bytes"
    ),
    (
      "skips",
      "call different collectives in step 3: ranks 0,2 the all-reduce of 8 bytes, rank 1 the barrier of 0 bytes"
    ),
    ("sleeps", "has not entered the barrier of step 3"),
  ])
  func ranksThatDoNotMeetAreFound(_ how: String, _ words: String) throws {
    let outcome = try Programs.mpirun(3, ["flight-hang", how], limit: 40)
    #expect(outcome.status == 70, "\(outcome.errors)")
    // Where ranks yield, collectives that do not belong together may end all the same.
    let wanted = TestMPI.isMPICH && how == "skips" ? "call different collectives in step 3" : words
    #expect(
      outcome.errors.contains("warning: ") && outcome.errors.contains(wanted), "\(outcome.errors)")
  }

  @Test(arguments: ["-1", "nan", "many"]) func anInvalidLimitIsRefused(_ limit: String) throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep([
      "run", folder.experiment(steps: 5), "-n", "1", "--stall-warn=\(limit)",
    ]).finish()
    #expect(outcome.status == 64 && outcome.errors.contains("stall-warn"), "\(outcome.errors)")
  }
}
