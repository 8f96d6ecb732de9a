import Configuration
import GradientReduction
import Data
import ExperimentKeys
import Files
import FlightRecorder
import FoundationEssentials
import Glibc
import GradientNorms
import Logging
import MPI
import Models
import Optimizers
import Processes
import Recording
import Reports
import Scaling
import TensorFiles
import Vectors

/// One training run from its experiment file to its report. Collective: every rank of `world` makes
/// the same calls.
public final class Run {
  public let experiment: Experiment
  public let directory: RunDirectory
  public let trainer: Trainer
  let options: RunOptions
  let hosts: [String]
  let threads: RankThreads
  let say: ConsoleReporter
  let log: Logger
  /// The right to write the run directory, at rank 0.
  let lock: RunLock?
  private let checkpoints: Checkpoints
  var recorder: Recorder?
  var history = RunHistory()
  var totals = RankTotals()
  /// Samples over all ranks until the checkpoint that this process resumed from.
  private(set) var samplesBefore = 0
  var stepSeconds: [Float] = []
  var wasStopped = false
  /// Which skipped steps are worth a line.
  private var skipMessages = RepeatedMessages()
  /// Whether the run had ended before, with all that it was to do: then nothing is trained, and no
  /// file is written.
  private var isComplete = false
  /// Whether the trained weights are in their files.
  var hasFinalWeights = false

  /// Reads the experiment (at rank 0, for all), its data, and what there is to resume.
  public init(_ options: RunOptions, on world: borrowing Communicator) throws {
    // Before anything takes time: a signal that comes early must not kill.
    StopSignals.block()
    StopSignals.began(.training)
    let isFirst = world.rank == 0
    let text = try world.succeedOnAllRanks {
      isFirst ? try Experiment.text(of: options.experiment) : ""
    }
    let shared = try world.broadcast(text)
    // Weights of one rank alone can only be wrong where it has some of its own.
    var overrides =
      options.overrides + (options.fault?.place == .weights ? ["training.exchange=messages"] : [])
    // A measurement that a key names is read at rank 0 too.
    let measured = try world.succeedOnAllRanks {
      guard isFirst else { return "" }
      return try Experiment(
        text: shared, source: options.experiment, overrides: overrides, registry: options.registry
      ).batchGrowth?.measured?.setting ?? ""
    }
    let setting = try world.broadcast(measured)
    if !setting.isEmpty { overrides.append(setting) }
    let experiment = try world.succeedOnAllRanks {
      try Experiment(
        text: shared, source: options.experiment, overrides: overrides, registry: options.registry)
    }
    let directory = RunDirectory(options.output ?? "runs/\(experiment.name)")
    say = ConsoleReporter(
      voice: isFirst ? options.voice : .quiet, directory: directory.path, name: experiment.name)
    let claim = try world.succeedOnAllRanks { [say] in
      isFirst ? try directory.claim(options, experiment, say: say) : nil
    }
    let lock = claim?.lock
    self.lock = lock
    if isFirst { FlightRecorder.publish(directory: directory.path) }
    let resumes = try world.broadcast(claim?.decision == .resume ? "resume" : "") == "resume"
    threads = try RankThreads(experiment.training.threads, on: world)
    hosts = try world.allGatherTexts(hostName())
    let computing = try ComputeAgreement(
      experiment.training.reproducibility, threads: threads.number, hosts: hosts, on: world)
    checkpoints = Checkpoints(
      directory: directory.checkpoints, keep: experiment.checkpoint.keep, lock: lock,
      experiment: experiment)
    let data = try FlightRecorder.during(.data) {
      try TrainingData(experiment.data, seed: experiment.seed, on: world)
    }
    trainer = try Trainer(
      experiment, data: data, simulation: options.simulation, end: options.end, on: world)
    try trainer.checkInputs(on: world)
    self.experiment = experiment
    self.directory = directory
    self.options = options

    var notes: [String] = []
    var resumedAt: Int?
    var changes: [ChangedKeys.Change] = []
    var ended = claim?.decision == .complete ? directory.finishedReport : nil
    if resumes {
      let restored = try checkpoints.restore(trainer, on: world)
      history = restored.history
      resumedAt = trainer.stepsDone
      changes = restored.changes
      notes = restored.notes
      samplesBefore = trainer.memory.cursor.samples
      let hasEnded =
        trainer.isDone
        || history.evaluations?.ending(patience: experiment.evaluation.patience) != nil
      totals.resume(history.rankTotals ?? [], rank: world.rank, ranks: world.size)
      if isFirst && hasEnded, let report = directory.finishedReport,
        report.steps == trainer.stepsDone
      {
        ended = report
      }
    }
    isComplete = try world.broadcast(ended == nil ? "" : "complete") == "complete"
    log = isComplete ? RankLog.none : RankLog.logger(for: directory, rank: world.rank)
    if isComplete {
      if let ended { sayComplete(ended, changes: changes) }
      return
    }
    if let resumedAt {
      history.resumed(at: resumedAt, changes: changes)
      notes += ["resumed after step \(resumedAt)"] + changes.map { $0.note(from: resumedAt) }
    } else {
      if options.resume {
        notes.append("there is no checkpoint to resume from: starting at step 1")
      }
      if let start = experiment.model.start { try trainer.start(from: start, on: world) }
    }
    if let fault = options.fault { trainer.faults = fault.faults(rank: world.rank) }
    log.info(
      "rank \(world.rank) of \(world.size) on \(hosts[world.rank]), process \(getpid()); \(trainer.totalSteps) steps"
    )
    notes += experiment.ignoredKeyNotes
    // A coordinator has said it, of all hosts.
    if options.voice == .lines, let note = threads.note { notes.append(note) }
    notes += computing.notes + data.notes + trainer.notes
    if let simulation = options.simulation {
      notes.append("simulated: \(simulation.description(ranks: world.size))")
    }
    try world.succeedOnAllRanks {
      guard let lock, let claim else { return }
      // Only now: an experiment or data that cannot be read leave the old run as it is.
      try lock.verify()
      directory.removeLeftovers()
      if resumes, !trainer.sampler.heldOut.isEmpty,
        let lost = try checkpoints.restoreBest(
          history.evaluations?.bestFile, after: trainer.stepsDone)
      {
        notes.append(lost)
        history.evaluations?.bestFile = nil
      }
      if claim.decision == .replace { try directory.removeRecords() }
      if claim.decision == .setAside {
        notes.append(
          "the records of a start that reached no checkpoint are in \(try directory.setRecordsAside())"
        )
      }
      var environment = EnvironmentRecord.here(
        hosts: hosts, threads: threads.number, experiment: options.experiment,
        simulation: options.simulation?.text)
      environment.run = lock.record.run
      let metrics = ComputedMetrics(
        options.registry.all(Metrics.self), spikeWindow: experiment.report.spikeWindow,
        deviations: experiment.report.spikeDeviations)
      environment.metrics = metrics.declarations
      if resumes {
        // What an earlier start declared stays in its lines.
        let names = Set(metrics.declarations.map(\.name))
        environment.metrics += directory.declaredMetrics.filter { !names.contains($0.name) }
      }
      try recording {
        try DurableFile.write(experiment.resolved, to: directory.experiment, holding: lock)
        try DurableFile.write(
          JSONText(of: environment, indented: true).string + "\n", to: directory.environment,
          holding: lock)
      }
      let events =
        experiment.report.tensorboard
        ? try EventFile(
          in: directory.path, host: hosts[0], resumingAt: resumedAt,
          every: experiment.report.every, metrics: metrics.declarations)
        : nil
      recorder = try Recorder(
        directory, lock: lock, every: experiment.report.every, resumingAt: resumedAt,
        samples: trainer.memory.cursor.samples, spikes: history.spikes ?? [],
        evaluations: trainer.sampler.heldOut.isEmpty
          ? .none : .after(history.evaluations?.last?.step ?? 0),
        names: StepRecordNames(trainer.model.layout, groups: experiment.report.groups),
        totalSteps: trainer.totalSteps, events: events, metrics: metrics, say: say)
      notes += recorder?.damages ?? []
      say.event(
        .started(
          WorkerEvent.Started(
            ranks: world.size, hosts: environment.hosts, steps: trainer.totalSteps,
            parameters: trainer.model.layout.parameterCount,
            samples: trainer.sampleCount, experiment: experiment.name, directory: directory.path,
            notes: notes, threads: threads.number,
            metrics: metrics.declarations.isEmpty ? nil : metrics.declarations)))
    }
    for note in notes { log.notice("\(note)") }
    if options.traces { try startTrace(on: world) }
  }

  private func startTrace(on world: borrowing Communicator) throws {
    try world.succeedOnAllRanks {
      guard experiment.training.reproducible else {
        throw RunFailure(.usage, "--trace needs training.reproducible = true")
      }
      try RunDirectory.make(directory.traces)
      try trainer.startTrace(
        path: directory.trace(ofRank: world.rank), host: hosts[world.rank], on: world)
    }
  }

  /// Trains to the end, or to a signal; evaluates; writes weights and report.
  public func train(on world: borrowing Communicator) throws -> ExitCode {
    if isComplete { return .done }
    do {
      // A run that was stopped right after a step has left this out.
      try evaluateHeldOut(on: world)
      while !isDone && !wasStopped { try step(on: world) }
      let code = try finish(on: world)
      lock?.release()
      return code
    } catch let error as LockFailure {
      // The directory is another run's: not a byte more.
      throw error
    } catch {
      // The records show how this came about; failing to write them matters less than the cause.
      try? recorder?.drain()
      log.error("\(error)")
      reportHiddenSkips()
      writePage(failure: "\(error)")
      throw error
    }
  }

  private func step(on world: borrowing Communicator) throws {
    let outcome = try trainer.stepAhead(on: world)
    StopSignals.stepped()
    if let skip = history.record(
      outcome, tensors: trainer.model.layout.segments.map(\.name), hosts: hosts)
    {
      let cause = outcome.incident.map { "; \($0.record.clause(hosts: hosts))" } ?? ""
      log.warning("\(skip)\(cause)")
      if world.rank == 0, skipMessages.admits(skip) {
        say.event(.message(level: .warning, text: skip + cause))
      }
    }
    totals.record(outcome)
    stepSeconds.append(Float(outcome.totalSeconds))
    try recorder?.record(outcome, history)
    if let incident = outcome.incident { try record(incident, on: world) }
    // One that is to stop does not wait for an evaluation: it is made up for when the run is
    // resumed.
    let isAsked = outcome.ledger[.stopRequests] > 0
    if !isAsked || trainer.isDone { try evaluateHeldOut(on: world) }
    let isLast = isDone
    if outcome.step % experiment.report.every == 0 || isLast {
      let records = try totals.takeInterval(step: outcome.step, hosts: hosts, on: world)
      try recorder?.record(records)
    }
    wasStopped = isAsked && !isLast
    let isDue = experiment.checkpoint.every.map { outcome.step % $0 == 0 || isLast } ?? false
    let givesUp = trainer.policy.mustStop
    let breaksOff = outcome.incident?.ending != nil
    if isDue || wasStopped || givesUp || breaksOff || outcome.ledger[.checkpointRequests] > 0 {
      try checkpoint(on: world)
    }
    if let incident = outcome.incident, breaksOff { try end(for: incident, on: world) }
    if givesUp {
      // All ranks decided it; rank 0 reports it.
      try world.succeedOnAllRanks { () throws -> Void in
        throw RunFailure(
          .workerFailed,
          "step \(outcome.step): \(experiment.guardConfig.skip.skipLimit) steps in a row were skipped (guard.skip_limit); a checkpoint is written; "
            + (history.lastSkip ?? ""))
      }
    }
  }

  private func checkpoint(on world: borrowing Communicator) throws {
    let ledger = try trainer.reduceLastUpdate(on: world)
    try recorder?.completePending(with: ledger)
    try recorder?.synchronize()
    history.spikes = recorder?.spikeCounts
    history.rankTotals = try totals.gather(on: world)
    try checkpoints.save(trainer, history, on: world)
    log.info("checkpoint of step \(trainer.stepsDone)")
  }

  /// Says how many skipped steps were not said.
  private func reportHiddenSkips() {
    guard recorder != nil else { return }
    for line in skipMessages.takeSummary() {
      say.event(.message(level: .warning, text: "\(line) (metrics.jsonl has each)"))
    }
  }

  private func finish(on world: borrowing Communicator) throws -> ExitCode {
    reportHiddenSkips()
    let ledger = try trainer.reduceLastUpdate(on: world)
    try recorder?.completePending(with: ledger)
    try recorder?.drain()
    history.spikes = recorder?.spikeCounts
    var scores: (weights: Scores, average: Scores?)?
    if !wasStopped {
      // First of all: an evaluation that fails leaves them.
      try writeFinalWeights(on: world)
    }
    // The test set is used once, at the end of a whole run.
    if !wasStopped && options.end == nil {
      let evaluation = try trainer.evaluate(on: world)
      scores = (
        Scores(loss: evaluation.loss, score: evaluation.score),
        try trainer.evaluateAverage(on: world)
      )
      if world.rank == 0 { say.event(.evaluation(loss: evaluation.loss, score: evaluation.score)) }
    }
    FlightRecorder.enter(.checkpoint)
    try trainer.drainObservers()
    let digest = trainer.weights.digest()
    let digests = try world.gather(digest)
    let ranks = try gatherRanks(digests: digests, on: world)
    try world.succeedOnAllRanks {
      guard let ranks else { return }
      let report = convergenceReport(scores, ranks: ranks)
      try recording {
        try DurableFile.write(
          JSONText(of: report, indented: true).string + "\n", to: directory.report, holding: lock)
        if let scores {
          try recorder?.record(
            test: scores.weights.numbers + (scores.average?.averageNumbers ?? []),
            step: trainer.stepsDone)
          try recorder?.drain()
        }
      }
      writePage()
      say.event(.report(report))
    }
    log.info(
      "\(wasStopped ? "stopped" : "done") after step \(trainer.stepsDone), weights \(digest)")
    return wasStopped ? .stopped : .done
  }
}

extension Communicator {
  /// Every rank's text, on every rank. Collective.
  public borrowing func allGatherTexts(_ text: String) throws -> [String] {
    let all = try gather(text)
    return try broadcast((all ?? []).joined(separator: "\n")).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
  }
}
