import Foundation
import RankTesting
import Recording
import Testing

/// Signals at any instant, to the coordinator and to a rank: how and how soon the run ends, and
/// what it leaves.
@Suite(.serialized) struct SignalTests {
  private static let endless = ["--set", "model.hidden=[16]", "--set", "training.steps=1000000"]

  private func start(_ folder: TemporaryFolder, _ name: String = "run", _ more: [String] = endless)
    throws -> RunningProgram
  {
    try folder.lockstep(
      ["run", folder.experiment(steps: 300), "-n", "2", "--output", folder.path(name)] + more)
  }

  private func workers(_ job: RunningProgram) -> [Int32] {
    job.descendants.filter { $0.name.hasPrefix("lockstep-worke") && blocks(SIGUSR1, $0.identifier) }
      .map(\.identifier)
  }

  /// Whether a process has run its first code, and blocks signals.
  private func blocks(_ signal: Int32, _ process: Int32) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
      let mask = status.firstMatch(of: /SigBlk:\s*([0-9a-f]+)/).flatMap({ UInt64($0.1, radix: 16) })
    else { return false }
    return mask & (1 << UInt64(signal - 1)) != 0
  }

  // D2: before the first step there is nothing to save, so the run ends at once.
  @Test func aSignalBeforeTheFirstStepEndsTheRunAtOnce() throws {
    let folder = TemporaryFolder()
    let instants: [(Int32, (RunningProgram) -> Bool)] = [
      (SIGTERM, { self.blocks(SIGTERM, $0.identifier) }),
      (SIGINT, { $0.descendants.contains { TestMPI.isLauncher($0.name) } }),
      (SIGHUP, { !self.workers($0).isEmpty }),
    ]
    for (signal, isReached) in instants {
      let job = try start(folder, "run\(signal)")
      try #require(job.wait { isReached(job) }, "\(job.errors)")
      job.signal(signal)
      let outcome = try job.finish(limit: 15)
      #expect(outcome.status == 128 + signal, "signal \(signal): \(outcome.errors)")
      #expect(outcome.errors.contains("nothing was to be saved"), "\(outcome.errors)")
      #expect(job.wait(for: 5) { job.descendants.isEmpty }, "\(job.descendants)")
    }
  }

  // D2: USR1 is blocked until ranks can handle it; it must kill neither the coordinator nor a rank
  // that starts.
  @Test func aCheckpointAskedForWhileTheRunStartsIsWritten() throws {
    let folder = TemporaryFolder()
    let early = try start(
      folder, "early", ["--set", "checkpoint.every=250", "--set", "model.hidden=[16]"])
    try #require(early.wait { blocks(SIGUSR1, early.identifier) })
    early.signal(SIGUSR1)
    let outcome = try early.finish()
    #expect(outcome.status == 0, "\(outcome.errors)")
    let checkpoints = try FileManager.default.contentsOfDirectory(
      atPath: folder.path("early/checkpoints")
    ).sorted()
    #expect(checkpoints.count == 3 && checkpoints[0] < "step-00000250", "\(checkpoints)")
  }

  // D2, D4: USR2 must not kill the coordinator.
  @Test func aStopThatCanWaitGetsItsCheckpointEvenBeforeTheFirstStep() throws {
    let folder = TemporaryFolder()
    let job = try start(folder)
    try #require(job.wait { blocks(SIGUSR2, job.identifier) })
    job.signal(SIGUSR2)
    let outcome = try job.finish(limit: 40)
    #expect(outcome.status == 75, "\(outcome.errors)")
    #expect(RunDirectory(folder.path("run")).newestCheckpoint != nil)
  }

  // D1: Ctrl-C with a stopped rank must neither take long nor return 70.
  @Test func aStopContinuesAStoppedRankForItsCheckpoint() throws {
    let folder = TemporaryFolder()
    let job = try start(folder)
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    let rank = try #require(workers(job).last)
    kill(rank, SIGSTOP)
    let asked = Date()
    job.signal(SIGINT)
    let outcome = try job.finish(limit: 20)
    #expect(outcome.status == 75, "\(outcome.errors)")
    #expect(Date().timeIntervalSince(asked) < 5)
    #expect(job.wait(for: 5) { job.descendants.isEmpty }, "\(job.descendants)")
  }

  // D2
  @Test func aSecondSignalDoesNotWait() throws {
    let folder = TemporaryFolder()
    // Steps so long that the second signal arrives before one ends.
    let job = try start(
      folder, "run",
      Self.endless + [
        "--set", "training.global_batch=40000", "--set", "training.micro_batch=40000",
      ])
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    let asked = Date()
    job.signal(SIGTERM)
    job.signal(SIGINT)
    let outcome = try job.finish(limit: 20)
    #expect([70, 75].contains(outcome.status), "\(outcome.errors)")
    #expect(Date().timeIntervalSince(asked) < 3)
    #expect(job.wait(for: 3) { job.descendants.isEmpty }, "\(job.descendants)")
  }

  // D2, without a coordinator, as in a Slurm script.
  @Test func aRankUnderPlainMpirunTreatsSignalsTheSame() throws {
    let folder = TemporaryFolder()
    func plain(_ name: String) throws -> RunningProgram {
      try RunningProgram(
        "/usr/bin/env",
        TestMPI.command(2, yields: false)
          + [
            Programs.path("lockstep-worker"), folder.experiment(steps: 300), "--output",
            folder.path(name),
          ] + Self.endless)
    }
    for signal in [SIGINT, SIGHUP, SIGTERM] {
      let job = try plain("run\(signal)")
      try #require(
        job.wait {
          FileManager.default.contents(atPath: folder.path("run\(signal)/metrics.jsonl"))?.isEmpty
            == false
        }, "\(job.errors)")
      kill(try #require(workers(job).last), signal)
      let outcome = try job.finish(limit: 40)
      #expect(outcome.status == 75, "signal \(signal): \(outcome.errors)")
      #expect(RunDirectory(folder.path("run\(signal)")).newestCheckpoint != nil)
    }
    let early = try plain("early")
    try #require(early.wait { !workers(early).isEmpty }, "\(early.errors)")
    kill(try #require(workers(early).first), SIGTERM)
    let outcome = try early.finish(limit: 20)
    #expect(outcome.status == 143, "\(outcome.errors)")
    #expect(
      outcome.errors.contains(/rank [01] on .*SIGTERM before the first step/), "\(outcome.errors)")
    #expect(early.wait(for: 5) { early.descendants.isEmpty }, "\(early.descendants)")
  }
}
