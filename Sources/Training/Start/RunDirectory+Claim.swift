import Configuration
import ExperimentKeys
import Files
import FoundationEssentials
import Glibc
import GradientNorms
import Recording
import Reports
import TensorFiles

extension RunDirectory {
  /// Makes the directory, takes its lock, or the coordinator's, and decides how the run begins in
  /// it. Touches no other file.
  func claim(_ options: RunOptions, _ experiment: Experiment, say: ConsoleReporter) throws -> (
    lock: RunLock, decision: StartDecision
  ) {
    try RunDirectory.make(path)
    guard exists else {
      throw RunFailure(.usage, "\(path) is no directory: --output DIR names another place")
    }
    func waiting(_ text: String) { say.event(.message(level: .note, text: text)) }
    let lock =
      try options.runID.map { try RunLock.join(path, run: $0, waiting: waiting) }
      ?? RunLock.acquire(path, waiting: waiting)
    let state = try state()
    let request: StartDecision.Request = options.resume ? .resume : options.force ? .replace : .new
    let decision = StartDecision(request, state, past(state, experiment), path: path)
    if case .refuse(let reason) = decision { throw RunFailure(.usage, reason) }
    return (lock, decision)
  }

  /// What the records say of how the run went so far; only asked where there is no checkpoint,
  /// which knows better.
  private func past(_ state: RunDirectoryState, _ experiment: Experiment) -> StartDecision.Past {
    var past = StartDecision.Past()
    guard state.checkpoints.isEmpty, state.isTaken else { return past }
    past.isFinished = finishedReport != nil
    guard let text = recordedExperiment else { return past }
    let changes = ChangedKeys(from: text, to: experiment)
    past.refusal = changes.refused(sameData: false).map {
      "\($0.sentence) in \(self.experiment): resume with the same, or use --force"
    }
    past.continuation = changes.continuation?.sentence
    if let every = (try? Experiment(text: text, source: self.experiment, overrides: []))?.checkpoint
      .every,
      let last = lastRecordedStep ?? finishedReport?.steps
    {
      // Of the step itself the record comes first; a run that ends in order writes one more at its
      // end.
      past.passedCheckpoint = last > every || past.isFinished
    }
    return past
  }

  /// The report of a run that trained to its end; nil where there is none that can be read, or the
  /// run was stopped.
  var finishedReport: ConvergenceReport? {
    guard let report = try? JSONFile.read(ConvergenceReport.self, from: report),
      report.verdict != .stopped
    else { return nil }
    return report
  }

  /// The resolved experiment that the directory's run was last started with.
  var recordedExperiment: String? { try? Experiment.text(of: experiment) }

  // MARK: Making room

  /// Removes what killed runs left unfinished.
  func removeLeftovers() { DurableDirectory.removeLeftovers(in: path) }

  /// Removes what a run wrote, so that nothing of it is taken for the next one's.
  ///
  /// - Throws: where anything cannot be removed: it would be read as this run's.
  func removeRecords() throws {
    let state = try state()
    let interrupted = (try RunDirectory.list(path) ?? []).filter { $0.hasPrefix("interrupted-") }
    // Without its checkpoints first: a crash in between leaves nothing that could be gone on with.
    for name in ["checkpoints", "report.json", "final.safetensors"] + state.records + interrupted {
      let old = "\(path)/\(name)"
      let aside = "\(path)/.tmp-replaced-\(LockRecord.newRun())"
      guard rename(old, aside) == 0 else {
        if errno == ENOENT { continue }
        throw RunFailure(
          .workerFailed,
          "\(old) cannot be removed: \(systemMessage()); remove it, or give another directory with --output"
        )
      }
      try? FileManager.default.removeItem(atPath: aside)
    }
  }

  /// Moves the records of a start that never reached a checkpoint to `interrupted-N`, and returns
  /// its name.
  func setRecordsAside() throws -> String {
    let state = try state()
    var number = 1
    while mkdir(interrupted(number), 0o777) != 0 {
      guard errno == EEXIST else {
        throw RunFailure(.workerFailed, "\(interrupted(number)) cannot be made: \(systemMessage())")
      }
      number += 1
    }
    for name in RunDirectory.startFiles + state.records {
      guard rename("\(path)/\(name)", "\(interrupted(number))/\(name)") == 0 || errno == ENOENT
      else {
        throw RunFailure(
          .workerFailed,
          "\(path)/\(name) cannot be moved to \(interrupted(number)): \(systemMessage())")
      }
    }
    return "interrupted-\(number)"
  }
}
