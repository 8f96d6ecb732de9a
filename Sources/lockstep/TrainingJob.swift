import Files
import Glibc
import GradientNorms
import Launching
import Processes
import Recording
import Reports

/// One training run from its first mpirun to its report, over all restarts.
struct TrainingJob {
  let line: MpirunCommand
  let directory: RunDirectory
  let watch: RunWatch
  let maxRestarts: Int
  /// The run directory's lock, held over all restarts; nil where rank 0 takes it.
  var lock: RunLock? = nil
  /// The command that goes on with this run when it was stopped; nil where there is none.
  var resumeLine: String? = nil
  /// Seconds for the checkpoint that a stop asks for.
  var grace = 30.0
  /// Finds out which hosts cannot take part any more, in a line; nil where all can.
  var findLostHosts: (@Sendable () async -> String?)? = nil

  /// Runs to the end and prints the report or the cause of failure.
  func run() async throws -> ExitCode {
    let control = StopControl.shared
    await control.prepare(grace: grace) { [watch] in await watch.show($0) }
    var policy = RestartPolicy(limit: maxRestarts)
    var line = line
    while true {
      let ending = try await start(line)
      await watch.finish()
      if let code = await settled(ending, control: control) { return code }

      var cause = await RootCause(
        ending: ending, faults: watch.faults, step: watch.lastStep, directory: directory)
      if cause.lostUnnamedHost, let found = await findLostHosts?() {
        cause.text = "\(cause.text): \(found)"
      }
      if let stall = await watch.fatalStall {
        cause = RootCause(text: stall, code: .workerFailed, others: [])
      }
      let isLasting = cause.code != .workerFailed
      if await control.isRequested || isLasting {
        return await stopped(by: cause, control: control)
      }
      let explanation = await watch.faults.faults.first?.message
      switch policy.failed(at: await watch.stepsTaken, explanation: explanation) {
      case .giveUp(let reason):
        if !reason.isEmpty { await watch.show("no further restart: \(reason)") }
        return await fail(cause)
      case .restart(var seconds):
        // The ranks of an mpirun that was killed live on for up to three seconds.
        if case .signalled = ending { seconds = max(seconds, 4) }
        line.workerArguments = workerArguments(restarts: policy.restarts)
        let from =
          directory.newestCheckpoint.map { "from the checkpoint of step \($0)" }
          ?? "from the beginning"
        if directory.newestCheckpoint != nil { await control.take(.resumable) }
        await watch.set(restarts: policy.restarts)
        await watch.show("\(cause.text)")
        await watch.show("restart \(policy.restarts) of \(maxRestarts) in \(seconds) s, \(from)")
        guard await wait(seconds, control: control) else {
          return await stopped(by: cause, control: control)
        }
        do throws(LockFailure) { try lock?.verify() } catch {
          let code: ExitCode = if case .lost = error { .usage } else { .workerFailed }
          watch.showCause(RootCause(text: error.description, code: code, others: []))
          return code
        }
      }
    }
  }

  /// Starts mpirun and follows it to its end.
  private func start(_ line: MpirunCommand) async throws -> RootCause.Ending {
    await watch.begin(ranks: line.ranks)
    return try await Mpirun(line).run(.training) {
      await watch.outputLine($0)
    } errors: {
      await watch.errorLine($0)
    }
  }

  /// The exit code of a run that ended in order, its report printed; nil when it failed.
  ///
  /// The report is the last that ranks write. An mpirun that a stop reaches after it dies of the
  /// signal, and has nothing left to do.
  private func settled(_ ending: RootCause.Ending, control: StopControl) async -> ExitCode? {
    let endedItself = ending == .exited(0) || ending == .exited(ExitCode.stopped.rawValue)
    let wasEnded = await control.isRequested
    guard endedItself || wasEnded, let report = await watch.report else { return nil }
    await watch.showReport(report)
    let isDone = ending != .exited(ExitCode.stopped.rawValue) && report.verdict != .stopped
    if !isDone, let resumeLine { await watch.show("to go on: \(resumeLine)") }
    return isDone ? .done : .stopped
  }

  /// Ends a run that failed for good or was stopped.
  private func stopped(by cause: RootCause, control: StopControl) async -> ExitCode {
    if let code = await control.interruption {
      let text = code == .stopped ? "stopped; \(goesOn)" : StopControl.interruptionText(code)
      watch.showCause(RootCause(text: text, code: code, others: []))
      return code
    }
    if cause.code == .stopped {
      // The workers said that a checkpoint is there; there was no report to print.
      watch.showCause(
        RootCause(text: "stopped after a checkpoint; \(goesOn)", code: .stopped, others: []))
      return .stopped
    }
    guard await control.isRequested, cause.code == .workerFailed else {
      return await fail(cause)
    }
    let resume =
      directory.newestCheckpoint.map { "; the newest one is of step \($0); \(goesOn)" } ?? ""
    return await fail(
      RootCause(
        text: "stopped before a checkpoint was written\(resume)", code: .workerFailed,
        others: cause.others))
  }

  /// Writes the page, then the cause: nothing is printed after it.
  private func fail(_ cause: RootCause) async -> ExitCode {
    await writePage(after: cause)
    watch.showCause(cause)
    return cause.code
  }

  private var goesOn: String {
    resumeLine.map { "to go on: \($0)" } ?? "--resume goes on from there"
  }

  /// Writes the page of what was recorded before the workers failed; those that fail in order have
  /// written it themselves.
  private func writePage(after cause: RootCause) async {
    guard await watch.lastStep != nil else { return }
    do {
      try lock?.verify()
      try RunPage(RunRecords(directory, failure: cause.text)).write(to: directory.page)
    } catch {
      await watch.show("warning: \(error)")
    }
  }

  /// The workers' arguments for another start. Where this run's records are there it goes on with
  /// them, by the rules of any `--resume`; else no start has touched a file yet, and the next one
  /// is asked for the same.
  private func workerArguments(restarts: Int) -> [String] {
    let hasBegun =
      (try? JSONFile.read(EnvironmentRecord.self, from: directory.environment))?.run
      == lock?.record.run
    let again =
      hasBegun
      ? line.workerArguments.filter { $0 != "--resume" && $0 != "--force" } + ["--resume"]
      : line.workerArguments
    return again + ["--restarts", String(restarts)]
  }

  /// Waits in short steps, so that a stop is heard; false when there was one.
  private func wait(_ seconds: Int, control: StopControl) async -> Bool {
    for _ in 0..<(seconds * 10) {
      if await control.isRequested { return false }
      try? await Task.sleep(for: .milliseconds(100))
    }
    return await !control.isRequested
  }
}
