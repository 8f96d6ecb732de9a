import Foundation
import RankTesting
import Recording
import Reports
import Testing

/// Runs that are ended from outside: the files they leave, their last message, and that they end at
/// all.
@Suite(.serialized) struct EndsTests {
  private static let endless = ["--set", "model.hidden=[16]", "--set", "training.steps=1000000"]

  private func workers(_ job: RunningProgram) -> [Int32] {
    job.descendants.filter { $0.name.hasPrefix("lockstep-worke") }.map(\.identifier)
  }

  /// The files of these processes in /dev/shm, and of mpirun in the directory for temporary files.
  private func leftovers(of processes: [Int32], _ temporary: String) -> [String] {
    let shared = ((try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []).filter {
      name in
      processes.contains { name.contains(".\($0).") }
    }
    return shared
      + ((try? FileManager.default.contentsOfDirectory(atPath: temporary)) ?? []).filter {
        $0.hasPrefix("ompi.")
      }
  }

  private func isDead(_ process: Int32) -> Bool {
    guard
      let status = FileManager.default.contents(atPath: "/proc/\(process)/stat").map({
        String(decoding: $0, as: UTF8.self)
      }),
      let name = status.lastIndex(of: ")")
    else { return true }
    return "ZX".contains(status[name...].dropFirst(2).first ?? "X")
  }

  private func start(_ folder: TemporaryFolder, _ arguments: [String]) throws -> RunningProgram {
    try FileManager.default.createDirectory(
      atPath: folder.path("tmp"), withIntermediateDirectories: true)
    return try RunningProgram(
      Programs.path("lockstep"), arguments, environment: ["TMPDIR": folder.path("tmp")])
  }

  /// A run on two ranks that has made its first steps.
  private func startEndlessRun(_ folder: TemporaryFolder) throws -> RunningProgram {
    let job = try start(
      folder,
      ["run", folder.experiment(steps: 5), "-n", "2", "--output", folder.path("run")] + Self.endless
    )
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    return job
  }

  // D5: a killed job leaves 4 MB a rank in /dev/shm, and 8 MB in $TMPDIR.
  @Test(.enabled(if: TestMPI.isOpenMPI4, Comment(rawValue: TestMPI.onlyOpenMPI)))
  func theNextCommandRemovesTheLeftoversOfKilledJobs() throws {
    let folder = TemporaryFolder()
    let job = try startEndlessRun(folder)
    let ranks = workers(job)
    try #require(ranks.count >= 2 && leftovers(of: ranks, folder.path("tmp")).count >= 3)
    // All at once, so that no process can clean up.
    let all = job.descendants.map(\.identifier)
    for process in all { kill(process, SIGKILL) }
    _ = try job.finish(limit: 10)
    // A process that is being killed has no environment any more, but is not dead yet.
    try #require(job.wait(for: 10) { all.allSatisfy(isDead) })
    #expect(
      !leftovers(of: ranks, folder.path("tmp")).isEmpty, "nothing was left: the test shows nothing")
    #expect(try Programs.run(Programs.path("lockstep"), ["--version"]).status == 0)
    #expect(
      leftovers(of: ranks, folder.path("tmp")).isEmpty,
      "\(leftovers(of: ranks, folder.path("tmp")))")
  }

  // D5
  @Test func anMpirunThatIsKilledLeavesNothing() throws {
    let folder = TemporaryFolder()
    let job = try startEndlessRun(folder)
    let ranks = workers(job)
    kill(try #require(job.descendants.first { TestMPI.isLauncher($0.name) }).identifier, SIGKILL)
    let outcome = try job.finish(limit: 20)
    #expect(
      outcome.status == 70 && outcome.errors.contains("mpirun was killed by signal 9"),
      "\(outcome.errors)")
    #expect(job.descendants.isEmpty, "\(job.descendants)")
    #expect(
      leftovers(of: ranks, folder.path("tmp")).isEmpty,
      "\(leftovers(of: ranks, folder.path("tmp")))")
  }

  // D5
  @Test(arguments: [
    ["bench", "mlp-small", "-n", "2", "--steps", "1000000"], ["doctor", "-n", "2"],
  ])
  func commandsThatMeasureEndAtASignalAndLeaveNothing(_ arguments: [String]) throws {
    let folder = TemporaryFolder()
    let job = try start(folder, arguments)
    try #require(job.wait { workers(job).count >= 2 }, "\(job.errors)")
    let ranks = workers(job)
    job.signal(SIGINT)
    let outcome = try job.finish(limit: 20)
    #expect(outcome.status == 130, "\(outcome.errors)")
    #expect(job.descendants.isEmpty, "\(job.descendants)")
    #expect(
      leftovers(of: ranks, folder.path("tmp")).isEmpty,
      "\(leftovers(of: ranks, folder.path("tmp")))")
  }

  // D3: with few descriptors mpirun starts nothing and does not end.
  @Test func limitsThatKeepMpirunFromStartingAreNamed() throws {
    let folder = TemporaryFolder()
    for (limit, word) in [("-n 24", "ulimit -n"), ("-f 50", "ulimit -f")] {
      let outcome = try Programs.run(
        "/bin/bash",
        [
          "-c", "ulimit \(limit); exec \"$0\" \"$@\"", Programs.path("lockstep"), "run",
          folder.experiment(steps: 5), "-n", "2", "--output", folder.path("run"),
        ],
        limit: 30)
      #expect(outcome.status == 78, "\(outcome.errors)")
      #expect(
        outcome.errors.split(separator: "\n").last?.contains(word) == true, "\(outcome.errors)")
    }
    let missing = try RunningProgram(
      Programs.path("lockstep"),
      ["run", folder.experiment(steps: 5), "-n", "2", "--output", folder.path("run")],
      environment: ["TMPDIR": "/nowhere/tmp"]
    ).finish(limit: 30)
    // D6
    #expect(
      missing.status == 78 && missing.errors.contains("/nowhere/tmp, is not there"),
      "\(missing.errors)")
  }

  private func run(_ folder: TemporaryFolder, mpirun script: String) throws -> Outcome {
    try FileManager.default.createDirectory(
      atPath: folder.path("bin"), withIntermediateDirectories: true)
    let asked = "if [ \"$1\" = --version ]; then PATH=$REAL exec $MPIRUN --version; fi"
    try "#!/bin/sh\n\(asked)\n\(script)\n".write(
      to: folder.url("bin/mpirun"), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.path("bin/mpirun"))
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return try RunningProgram(
      Programs.path("lockstep"),
      ["run", folder.experiment(steps: 5), "-n", "2", "--output", folder.path("run")],
      environment: [
        "PATH": folder.path("bin") + ":" + path, "REAL": path, "MPIRUN": TestMPI.mpirun,
        "LOCKSTEP_MPIRUN": "",
      ]
    ).finish(limit: 60)
  }

  // D2: a signal after all ranks have ended kills mpirun, which no longer handles it.
  @Test func aSignalAfterTheLastStepChangesNothing() throws {
    let folder = TemporaryFolder()
    let outcome = try run(
      folder, mpirun: "PATH=$REAL $MPIRUN \"$@\"\nkill -INT $PPID\nwhile :; do sleep 0.1; done")
    #expect(
      outcome.status == 0 && outcome.output.contains("weights identical on all ranks"),
      "\(outcome.output) \(outcome.errors)")
  }

  // D3: the coordinator must not wait for ever for an mpirun that has lost its ranks.
  @Test func anMpirunWithoutRanksIsEnded() throws {
    let folder = TemporaryFolder()
    // This mpirun has a child for a moment, and then waits for ever.
    let outcome = try run(folder, mpirun: "sleep 2\nexec sleep 600")
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(
      outcome.errors.split(separator: "\n").last?.contains("none of its ranks ran any more")
        == true, "\(outcome.errors)")
  }

  // D4: a reader that closes the pipe must not end the run without a checkpoint.
  @Test func aBrokenPipeCostsTheOutputNotTheRun() throws {
    let folder = TemporaryFolder()
    let coordinator = try Programs.run(
      "/bin/bash",
      [
        "-c", "\"$0\" \"$@\" 2>&1 | true; exit ${PIPESTATUS[0]}", Programs.path("lockstep"), "run",
        folder.experiment(steps: 100), "-n", "2",
      ]
        + ["--output", folder.path("run")], limit: 60)
    #expect(coordinator.status == 0)
    #expect(FileManager.default.fileExists(atPath: folder.path("run/final.safetensors")))
    // MPICH's own mpirun dies of it, which only the coordinator can keep from it.
    if TestMPI.isMPICH { return }
    let plain = try Programs.run(
      "/bin/bash",
      [
        "-c",
        "\(TestMPI.command(2).joined(separator: " ")) \"$0\" \"$@\" 2>&1 </dev/null | true; exit ${PIPESTATUS[0]}",
        Programs.path("lockstep-worker"),
      ]
        + [folder.experiment(steps: 100), "--output", folder.path("plain")], limit: 60)
    #expect(plain.status == 0)
    #expect(FileManager.default.fileExists(atPath: folder.path("plain/final.safetensors")))
  }

  // D7
  @Test func aDivergingRunWarnsThreeTimesAndIsReported() throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(
      [
        "run", folder.experiment(steps: 100), "-n", "2", "--output", folder.path("run"), "--set",
        "optimizer.learning_rate=1e30",
      ]
        + ["--set", "clip.rule=none"]
    ).finish()
    #expect(outcome.status == 70, "\(outcome.errors)")
    let warnings = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("warning: step ") }
    #expect(warnings.count == 3, "\(outcome.errors)")
    #expect(outcome.errors.contains("more messages like: step N"), "\(outcome.errors)")
    let report = try folder.lockstep(["report", folder.path("run")]).finish()
    #expect(report.status == 0, "\(report.errors)")
    #expect(
      report.output.contains("no report") && report.output.contains("skipped"), "\(report.output)")
  }

  // D6
  @Test func hostfilesWithCarriageReturnsAndUsersAreAccepted() throws {
    let folder = TemporaryFolder()
    let user = NSUserName()
    try "\(user)@localhost slots=2\r\n".write(
      to: folder.url("hosts"), atomically: true, encoding: .utf8)
    for (name, hosts) in [
      ("file", ["--hostfile", folder.path("hosts")]), ("list", ["--hosts", "\(user)@localhost:2"]),
    ] {
      let outcome = try folder.lockstep(
        ["run", folder.experiment(steps: 5), "-n", "2", "--output", folder.path(name), "--quiet"]
          + hosts
      ).finish()
      // MPICH's mpirun takes no user's name.
      #expect(outcome.status == (TestMPI.isMPICH ? 64 : 0), "\(hosts): \(outcome.errors)")
    }
  }
}
