import Coordination
import GradientNorms
import Reports
import Vectors

/// Writes a run's records and tells its progress: rank 0's part of reporting.
final class Recorder {
  private var metrics: JSONLinesFile
  private var ranks: JSONLinesFile
  /// For TensorBoard, where the experiment asks for it.
  private var events: EventFile?
  /// What the page at the end draws; nil where earlier steps stand in files alone.
  private(set) var series: RunSeries?
  private let names: StepRecordNames
  private let say: Speaker
  private let totalSteps: Int
  /// The last step, which waits for its update's norms: they come with the next step's ledger.
  private var pending: StepOutcome?
  private var lastProgress: (time: UInt64, samples: Int)
  private let firstSamples: Int
  private let startTime: UInt64
  private var isFirst = true

  init(
    _ directory: RunDirectory, resumingAt step: Int?, samples: Int, names: StepRecordNames, totalSteps: Int, events: consuming EventFile?,
    say: Speaker
  ) throws {
    if let step {
      metrics = try JSONLinesFile(resuming: directory.metrics, at: step)
      ranks = try JSONLinesFile(resuming: directory.ranks, at: step)
    } else {
      metrics = try JSONLinesFile(creating: directory.metrics)
      ranks = try JSONLinesFile(creating: directory.ranks)
    }
    series = step == nil ? RunSeries() : nil
    self.events = events
    self.names = names
    self.say = say
    self.totalSteps = totalSteps
    startTime = monotonicNanoseconds()
    lastProgress = (startTime, samples)
    firstSamples = samples
  }

  /// Takes in a step, and completes the one before with the update norms that this step's ledger brought.
  func record(_ outcome: StepOutcome, _ history: RunHistory) throws {
    try settle(with: outcome.ledger)
    pending = outcome
    progress(outcome, history)
  }

  /// Writes the step that waits, its update norms taken from a ledger that was reduced after it.
  func settle(with ledger: NormLedger) throws {
    guard let outcome = pending else { return }
    pending = nil
    let record = StepRecord(outcome, names: names, after: ledger)
    try metrics.append(record)
    try events?.append(record)
    series?.add(record)
  }

  func record(_ records: [RankRecord]) throws {
    for record in records {
      try ranks.append(record)
      series?.add(record)
    }
  }

  /// Writes the scores on held-out data where TensorBoard finds them.
  func record(evaluation: [NamedNumber], step: Int) throws {
    try events?.append(evaluation: evaluation, step: step)
  }

  /// Brings what was written to the disk: before a checkpoint that relies on it.
  func synchronize() throws {
    try metrics.synchronize()
    try ranks.synchronize()
  }

  private func progress(_ outcome: StepOutcome, _ history: RunHistory) {
    let now = monotonicNanoseconds()
    let isLast = outcome.step == totalSteps
    guard isFirst || isLast || now - lastProgress.time >= say.interval else { return }
    // Over the whole run when it ends, over the last interval before.
    let since = isLast && !isFirst ? (time: startTime, samples: firstSamples) : lastProgress
    let rate = Double(outcome.samples - since.samples) / max(Double(now - since.time) * 1e-9, 1e-9)
    let samplesLeft = Double(totalSteps - outcome.step) * outcome.ledger.samples
    isFirst = false
    lastProgress = (now, outcome.samples)
    say.event(
      .progress(
        WorkerEvent.Progress(
          step: outcome.step, steps: totalSteps, epoch: outcome.epoch, loss: outcome.ledger.meanLoss, norm: outcome.decision.norm,
          clippedFraction: history.clippedFraction, samplesPerSecond: rate, secondsLeft: samplesLeft / rate, skipped: history.skipped,
          coefficient: outcome.decision.isSkip ? nil : outcome.decision.coefficient, learningRate: outcome.learningRate,
          noiseScale: outcome.noise.scale)))
  }
}
