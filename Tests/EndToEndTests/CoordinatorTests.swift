import Foundation
import RankTesting
import Recording
import Reports
import Testing

/// `lockstep run` as a user runs it: real mpirun, real workers, real data.
@Suite(.serialized) struct CoordinatorTests {
  @Test func trainsOnFashionMNISTAndReports() throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(
      [
        "run", folder.experiment(steps: 250), "-n", "4", "--output", folder.path("run"), "--set",
        "model.hidden=[64]",
      ]
    ).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("weights identical on all ranks"))
    let report = try JSONDecoder().decode(
      ConvergenceReport.self, from: Data(contentsOf: folder.url("run/report.json")))
    #expect(report.steps == 250 && report.samples == 250 * 128 && report.ranks.count == 4)
    #expect((report.final.accuracy ?? 0) > 0.80, "after half an epoch")
    #expect(Set(report.ranks.map(\.weightsSHA256)).count == 1 && report.weightsSHA256 != nil)
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: folder.path("run"))).isSuperset(of: [
        "experiment.toml", "environment.json", "metrics.jsonl", "ranks.jsonl", "report.json",
        "final.safetensors", "logs",
      ]))
    #expect(try folder.lines("run/metrics.jsonl").count == 250)

    // The worker without the coordinator gives the same run, to the bit.
    let plain = try Programs.mpirun(
      4,
      [
        folder.experiment(steps: 250), "--output", folder.path("plain"), "--set",
        "model.hidden=[64]",
      ], program: "lockstep-worker")
    try #require(plain.status == 0, "\(plain.errors)")
    #expect(plain.output.contains("weights identical on all ranks"))
    let again = try JSONDecoder().decode(
      ConvergenceReport.self, from: Data(contentsOf: folder.url("plain/report.json")))
    #expect(again.weightsSHA256 == report.weightsSHA256)
    #expect(
      try Data(contentsOf: folder.url("run/final.safetensors"))
        == Data(contentsOf: folder.url("plain/final.safetensors")))
    // The resolved experiment gives the same run again.
    let resolved = try Programs.mpirun(
      4, [folder.path("run/experiment.toml"), "--output", folder.path("resolved")],
      program: "lockstep-worker")
    try #require(resolved.status == 0, "\(resolved.errors)")
    #expect(
      try Data(contentsOf: folder.url("run/final.safetensors"))
        == Data(contentsOf: folder.url("resolved/final.safetensors")))
  }

  /// The time to the first step depends on the machine and its load, so it is compared with MPI
  /// alone: four ranks that only start and end, in turn with the run.
  @Test(.enabled(if: TestMPI.isOpenMPI4, "Open MPI's start is what it is held against"))
  func theFirstStepComesSoon() throws {
    let folder = TemporaryFolder()
    var (best, bare) = (Double.infinity, Double.infinity)
    for attempt in 1...5 where best > 4 * bare || attempt == 1 {
      let start = Date()
      try #require(Programs.mpirun(4, ["disagreement"]).status == 0)
      bare = min(bare, Date().timeIntervalSince(start))
      let outcome = try folder.lockstep(
        ["run", folder.experiment(steps: 3), "-n", "4", "--output", folder.path("run\(attempt)")]
      ).finish()
      try #require(outcome.status == 0, "\(outcome.errors)")
      let found = outcome.errors.firstMatch(of: /first step after ([0-9.]+) s/)
      best = min(best, try #require(found.flatMap { Double($0.1) }, "\(outcome.errors)"))
    }
    #expect(best <= 4 * bare, "first step after \(best) s, MPI alone \(bare) s")
  }

  /// The coordinator is never a rank: it works on a machine without MPI.
  @Test func theCoordinatorLinksNoMPILibrary() throws {
    func libraries(_ program: String) throws -> String {
      try Programs.run("/usr/bin/env", ["ldd", Programs.path(program)]).output
    }
    #expect(
      try !libraries("lockstep").contains("libmpi")
        && libraries("lockstep-worker").contains("libmpi"))
  }

  /// A worker whose libraries are missing, as the dynamic linker ends it.
  @Test func aMachineWithoutMPIIsAnsweredWith78() throws {
    let folder = TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: Programs.path("lockstep"), toPath: folder.path("lockstep"))
    let missing = "libmpi.so.40: cannot open shared object file: No such file or directory"
    try "#!/bin/sh\necho 'error while loading shared libraries: \(missing)' >&2\nexit 127\n".write(
      toFile: folder.path("lockstep-worker"), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.path("lockstep-worker"))
    for arguments in [["doctor"], ["run", folder.experiment(steps: 1), "-n", "2"]] {
      let outcome = try Programs.run(folder.path("lockstep"), arguments)
      #expect(outcome.status == 78, "\(arguments): \(outcome.errors)")
      #expect(outcome.errors.contains("run Launch/setup"), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
  }

  @Test func aKilledRankIsNamedLastAndNothingIsLeft() throws {
    let folder = TemporaryFolder()
    let job = try folder.lockstep([
      "run", folder.experiment(steps: 1_000_000), "-n", "3", "--output", folder.path("run"),
    ])
    try #require(
      job.wait { job.errors.contains("step       2") || job.errors.contains("step ") },
      "\(job.errors)")
    let workers = job.descendants.filter { $0.name.hasPrefix("lockstep-worke") }
    try #require(workers.count == 3)
    kill(workers[1].identifier, SIGKILL)
    let outcome = try job.finish()
    #expect(outcome.status == 70)
    let last = outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
    #expect(last.contains(/rank [012] on .* killed by signal 9/), "\(last)")
    #expect(last.contains("logs/rank-"))
    #expect(job.wait { job.descendants.isEmpty }, "\(job.descendants)")
  }

  @Test func killingTheCoordinatorEndsEveryRank() throws {
    let folder = TemporaryFolder()
    let job = try folder.lockstep([
      "run", folder.experiment(steps: 1_000_000), "-n", "3", "--output", folder.path("run"),
    ])
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    job.signal(SIGKILL)
    #expect(job.wait { job.descendants.isEmpty }, "\(job.descendants)")
    _ = try job.finish()
  }

  @Test func aSignalStopsAfterACheckpointAndResumeEndsWithTheSameBits() throws {
    let folder = TemporaryFolder()
    let settings = ["--set", "model.hidden=[16]", "--set", "training.global_batch=512"]
    let whole = try folder.lockstep(
      [
        "run", folder.experiment(steps: 2000), "-n", "2", "--output", folder.path("whole"),
        "--quiet",
      ] + settings
    ).finish()
    try #require(whole.status == 0, "\(whole.errors)")
    let job = try folder.lockstep(
      ["run", folder.experiment(steps: 2000), "-n", "2", "--output", folder.path("run")] + settings)
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    job.signal(SIGINT)
    let stopped = try job.finish()
    #expect(stopped.status == 75, "\(stopped.errors)")
    #expect(stopped.output.contains("stopped"))
    let resumed = try folder.lockstep(
      [
        "run", folder.experiment(steps: 2000), "-n", "2", "--output", folder.path("run"),
        "--resume",
      ] + settings
    ).finish()
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(
      try Data(contentsOf: folder.url("run/final.safetensors"))
        == Data(contentsOf: folder.url("whole/final.safetensors")))
    let steps = try folder.lines("run/metrics.jsonl").map {
      try StepRecord(line: Array($0.utf8)).step
    }
    #expect(steps == Array(1...2000))
  }

  /// A signal handler that runs within a matrix product can corrupt the heap, so ranks block
  /// signals and poll. Hundreds of signals must change nothing.
  @Test func signalsAtAnyInstantChangeNothing() throws {
    let folder = TemporaryFolder()
    let settings = [
      "--set", "model.hidden=[16]", "--set", "training.global_batch=512", "--set",
      "checkpoint.keep=1", "--quiet",
    ]
    let quiet = try folder.lockstep(
      ["run", folder.experiment(steps: 600), "-n", "2", "--output", folder.path("quiet")] + settings
    ).finish()
    try #require(quiet.status == 0, "\(quiet.errors)")
    let job = try folder.lockstep(
      ["run", folder.experiment(steps: 600), "-n", "2", "--output", folder.path("run")] + settings)
    try #require(
      job.wait { FileManager.default.fileExists(atPath: folder.path("run/metrics.jsonl")) },
      "\(job.errors)")
    var signals = 0
    while true {
      let workers = job.descendants.filter { $0.name.hasPrefix("lockstep-worke") }
      if workers.isEmpty { break }
      for worker in workers { kill(worker.identifier, SIGUSR1) }
      signals += workers.count
    }
    let outcome = try job.finish()
    #expect(outcome.status == 0 && signals > 20, "\(signals) signals: \(outcome.errors)")
    #expect(
      try Data(contentsOf: folder.url("run/final.safetensors"))
        == Data(contentsOf: folder.url("quiet/final.safetensors")))
  }

  @Test func aDeadWorkerIsStartedAgainFromItsCheckpoint() throws {
    let folder = TemporaryFolder()
    let settings = ["--set", "checkpoint.every=50", "--set", "model.hidden=[16]"]
    let job = try folder.lockstep(
      [
        "run", folder.experiment(steps: 3000), "-n", "2", "--output", folder.path("run"),
        "--max-restarts", "2",
      ] + settings)
    try #require(
      job.wait {
        FileManager.default.fileExists(atPath: folder.path("run/checkpoints/step-00000050"))
      }, "\(job.errors)")
    let workers = job.descendants.filter { $0.name.hasPrefix("lockstep-worke") }
    try #require(!workers.isEmpty)
    kill(workers[0].identifier, SIGKILL)
    let outcome = try job.finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    let report = try JSONDecoder().decode(
      ConvergenceReport.self, from: Data(contentsOf: folder.url("run/report.json")))
    #expect(report.restarts == 1 && report.steps == 3000)
  }

  @Test(
    arguments: [
      (["-n", "0"], "rank"), (["-n", "-2"], "rank"), (["-n", "two"], "two"),
      (["-n", "2", "--rnaks", "2"], "--rnaks"),
      (["-n", "2", "--set", "optimizer.learning_rate=-1"], "optimizer.learning_rate"),
      (["-n", "2", "--set", "clip.max_norm=nan"], "clip.max_norm"),
      (["-n", "2", "--set", "training.gobal_batch=3"], "global_batch"),
      (["-n", "2", "--set", "training.micro_batch=many"], "micro_batch"),
      (["-n", "2", "--resume", "--output", "/nowhere/run"], "/nowhere/run"),
    ] as [([String], String)])
  func misuseIsOneLineAndStatus64(_ arguments: [String], _ word: String) throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(["run", folder.experiment(steps: 5)] + arguments).finish()
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(
      outcome.errors.split(separator: "\n").count == 1 && outcome.errors.contains(word),
      "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func missingFilesAreOneLineEach() throws {
    let folder = TemporaryFolder()
    let experiment = try folder.lockstep(["run", folder.path("none.toml"), "-n", "2"]).finish()
    #expect(
      experiment.status == 64 && experiment.errors.split(separator: "\n").count == 1
        && experiment.errors.contains("none.toml"))
    let data = try folder.lockstep(
      [
        "run", folder.experiment(steps: 5), "-n", "3", "--output", folder.path("run"), "--set",
        "data.path=/nowhere",
      ]
    ).finish()
    #expect(data.status == 65, "\(data.errors)")
    let last = data.errors.split(separator: "\n").last.map(String.init) ?? ""
    // F: the error for a directory of the user names no package.
    #expect(last.contains("/nowhere") && !last.contains("dataset-fashion-mnist"), "\(data.errors)")
    #expect(
      data.errors.components(separatedBy: "/nowhere").count == 2, "named once: \(data.errors)")
  }

  @Test func nothingIsOverwrittenUnasked() throws {
    let folder = TemporaryFolder()
    let arguments = [
      "run", folder.experiment(steps: 5), "-n", "1", "--output", folder.path("run"), "--quiet",
    ]
    #expect(try folder.lockstep(arguments).finish().status == 0)
    let before = try Data(contentsOf: folder.url("run/metrics.jsonl"))
    let refused = try folder.lockstep(arguments).finish()
    #expect(
      refused.status == 64 && refused.errors.contains("--force")
        && refused.errors.contains("--resume"), "\(refused.errors)")
    #expect(try Data(contentsOf: folder.url("run/metrics.jsonl")) == before)
    #expect(try folder.lockstep(arguments + ["--force"]).finish().status == 0)
  }

  /// Fault list F: standard output is one line, which runs in the user's shell and shows progress.
  @Test func aDryRunPrintsTheCommandThatRuns() throws {
    let folder = TemporaryFolder()
    let arguments = [
      "run", folder.experiment(steps: 5), "-n", "4", "--dry-run", "--output",
      folder.path("run"),
    ]
    let outcome = try folder.lockstep(arguments).finish()
    #expect(outcome.status == 0)
    #expect(
      outcome.output.hasPrefix("\(TestMPI.mpirun) -n 4 ")
        && outcome.output.contains("lockstep-worker"))
    #expect(
      outcome.output.split(separator: "\n").count == 1
        && !FileManager.default.fileExists(atPath: folder.path("run")))
    let run = try Programs.run("/bin/bash", ["-c", outcome.output])
    #expect(run.status == 0, "\(outcome.output): \(run.errors)")
    #expect(
      run.output.contains("\nstep 5/5 ") && run.output.contains("weights identical on all ranks"),
      "\(run.output)")
    #expect(FileManager.default.fileExists(atPath: folder.path("run/report.json")))
    // E4
    for port in ["70000", "-1"] {
      let refused = try folder.lockstep(arguments + ["--metrics-port", port]).finish()
      #expect(
        refused.status == 64
          && refused.errors == "lockstep: --metrics-port \(port): give a port from 0 to 65535\n",
        "\(refused.errors)")
    }
  }
}
