import Configuration
import GradientReduction
import Files
import Glibc
import GradientNorms
import Recording
import Reports
import Synchronization
import Threads
import Vectors

/// Writes a run's records and reports its progress: rank 0's part of reporting. The files are
/// written by another thread.
final class Recorder {
  private let files: Files
  private let lines: BackgroundWriter<Line>
  private let names: StepRecordNames
  private let say: ConsoleReporter
  private let totalSteps: Int
  /// The last step, which waits for its update's norms: they come with the next step's ledger.
  private var pending: StepOutcome?
  private var lastProgress: (time: UInt64, samples: Int)
  private let firstSamples: Int
  private let startTime: UInt64
  private var isFirst = true
  /// The last evaluation of the rows held out, and when one was last reported.
  private var heldOut: (loss: Double?, reported: UInt64)?

  init(
    _ directory: RunDirectory, lock: RunLock?, every: Int, resumingAt step: Int?, samples: Int,
    spikes: [SpikeCount] = [], evaluations: EvaluationsStart = .none, names: StepRecordNames,
    totalSteps: Int,
    events: consuming EventFile?, metrics: ComputedMetrics, say: ConsoleReporter
  ) throws {
    let files = try Files(
      directory, lock: lock, every: every, resumingAt: step, spikes: spikes,
      evaluations: evaluations, events: events, computing: metrics)
    self.files = files
    lines = BackgroundWriter { try files.write($0) }
    self.names = names
    self.say = say
    self.totalSteps = totalSteps
    startTime = monotonicNanoseconds()
    lastProgress = (startTime, samples)
    firstSamples = samples
  }

  /// What was wrong with the files of an earlier start, a line each.
  var damages: [String] { files.damages }

  /// Takes in a step, and completes the one before with the update norms that this step's ledger
  /// brought.
  func record(_ outcome: StepOutcome, _ history: RunHistory) throws {
    try completePending(with: outcome.ledger)
    pending = outcome
    progress(outcome, history)
  }

  /// Writes the step that waits, its update norms taken from a ledger that was reduced after it.
  func completePending(with ledger: NormLedger) throws {
    guard let outcome = pending else { return }
    pending = nil
    try lines.append(.step(StepRecord(outcome, names: names, after: ledger)))
  }

  func record(_ records: [RankRecord]) throws {
    if !records.isEmpty { try lines.append(.ranks(records)) }
  }

  /// Takes in what the rows held out say after a step.
  func record(_ record: EvaluationRecord) throws {
    try lines.append(.heldOut(record))
    let now = monotonicNanoseconds()
    let loss = record.scores.loss.isFinite ? record.scores.loss : nil
    // Those of a run that evaluates at every step are too many to read.
    let isReported = heldOut.map { now - $0.reported >= say.interval } ?? true
    heldOut = (loss, isReported ? now : heldOut?.reported ?? now)
    if isReported { say.event(.heldOut(record)) }
  }

  /// Writes the scores on the test set where TensorBoard finds them.
  func record(test: [NamedNumber], step: Int) throws {
    try lines.append(.test(test, step: step))
  }

  /// What the page at the end draws; nil where earlier steps stand in files alone.
  func series() -> RunSeries? {
    // An error of writing was reported to the caller that recorded.
    try? lines.drain()
    return files.series
  }

  /// The spikes among the steps in the files. After ``drain()``.
  var spikeCounts: [SpikeCount] { files.spikeCounts }

  /// Waits until all is in the files.
  func drain() throws { try lines.drain() }

  /// Brings it to the disk too: before a checkpoint that relies on it.
  func synchronize() throws {
    try lines.drain()
    try files.synchronize()
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
          step: outcome.step, steps: totalSteps, epoch: outcome.epoch,
          loss: outcome.ledger.meanLoss, norm: outcome.decision.norm,
          clippedFraction: history.clippedFraction, samplesPerSecond: rate,
          secondsLeft: samplesLeft / rate, skipped: history.skipped,
          coefficient: outcome.decision.isSkip ? nil : outcome.decision.coefficient,
          learningRate: outcome.learningRate,
          noiseScale: outcome.noise.resolvedScale, heldOutLoss: heldOut?.loss,
          metrics: files.latest)))
  }

  /// Where `evaluations.jsonl` begins.
  enum EvaluationsStart {
    /// Nothing is held out: there is no such file.
    case none
    /// After what was evaluated up to this step; 0 for nothing.
    case after(Int)
  }

  private enum Line: Sendable {
    case step(StepRecord)
    case ranks([RankRecord])
    case heldOut(EvaluationRecord)
    case test([NamedNumber], step: Int)
  }

  /// Used by the queue's thread, and by the other when the queue is drained; ``latest`` at any
  /// time.
  private final class Files: @unchecked Sendable {
    private var metrics: JSONLinesFile
    private var ranks: JSONLinesFile
    /// Where rows are held out.
    private var evaluations: JSONLinesFile?
    /// For TensorBoard, where the experiment asks for it.
    private var events: EventFile?
    private(set) var series: RunSeries?
    private var computed: ComputedMetrics
    /// The metrics of the last step written, where there are any; for the thread that trains.
    private let latestValues = Mutex<[String: Double]?>(nil)
    private let lock: RunLock?
    private let evaluates: Bool
    private var verifiedAt = 0
    /// What was wrong with files that were there already.
    private(set) var damages: [String] = []

    init(
      _ directory: RunDirectory, lock: RunLock?, every: Int, resumingAt step: Int?,
      spikes: [SpikeCount], evaluations start: EvaluationsStart, events: consuming EventFile?,
      computing: ComputedMetrics
    ) throws {
      var computed = computing
      if let step {
        var damage: [String?] = [nil, nil, nil]
        metrics = try JSONLinesFile(
          resuming: directory.metrics, at: step, wanted: .everyStep, damage: &damage[0])
        ranks = try JSONLinesFile(
          resuming: directory.ranks, at: step, wanted: step >= every ? .something : .anything,
          damage: &damage[1])
        if case .after(let last) = start {
          evaluations = try JSONLinesFile(
            resuming: directory.evaluations, at: last, wanted: last > 0 ? .something : .anything,
            damage: &damage[2])
        }
        damages = damage.compactMap { $0 }
        try computed.resume(from: directory.metrics)
        computed.restore(spikes)
      } else {
        metrics = try JSONLinesFile(creating: directory.metrics)
        ranks = try JSONLinesFile(creating: directory.ranks)
        if case .after = start {
          evaluations = try JSONLinesFile(creating: directory.evaluations)
        }
      }
      if case .after = start { evaluates = true } else { evaluates = false }
      series = step == nil ? RunSeries(computed.declarations) : nil
      self.computed = computed
      self.events = events
      self.lock = lock
    }

    /// Records are added to files that have their names already: a holder that was stopped, and has
    /// lost the directory meanwhile, finds out by the clock.
    private func verify() throws {
      let now = Self.seconds()
      guard now - verifiedAt >= 1 else { return }
      try lock?.verify()
      verifiedAt = now
    }

    /// The clock that goes on while the machine sleeps.
    private static func seconds() -> Int {
      var time = timespec()
      clock_gettime(CLOCK_BOOTTIME, &time)
      return time.tv_sec
    }

    func write(_ lines: [Line]) throws {
      try verify()
      var (steps, reports): ([StepRecord], [RankRecord]) = ([], [])
      var heldOut: [EvaluationRecord] = []
      for line in lines {
        switch line {
        case .step(var record):
          computed.complete(&record)
          steps.append(record)
          try events?.append(record)
          series?.add(record)
        case .ranks(let records):
          reports += records
          for record in records { series?.add(record) }
        case .heldOut(let record):
          heldOut.append(record)
          try events?.append(evaluation: record.numbers, step: record.step)
          series?.add(record)
        case .test(let numbers, let step):
          // Of rows held out the last evaluation is of the same step.
          try events?.append(
            evaluation: numbers, step: step, of: evaluates ? "test" : "evaluation")
        }
      }
      if let last = steps.last, !last.metrics.isEmpty {
        let known = last.metrics.compactMap { metric in metric.value.map { (metric.name, $0) } }
        latestValues.withLock { $0 = Dictionary(uniqueKeysWithValues: known) }
      }
      try metrics.append(contentsOf: steps)
      try ranks.append(contentsOf: reports)
      if !heldOut.isEmpty { try evaluations?.append(contentsOf: heldOut) }
    }

    var spikeCounts: [SpikeCount] { computed.spikeCounts }

    var latest: [String: Double]? { latestValues.withLock { $0 } }

    func synchronize() throws {
      try metrics.synchronize()
      try ranks.synchronize()
      try evaluations?.synchronize()
    }
  }
}
