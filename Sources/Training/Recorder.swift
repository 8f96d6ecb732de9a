import GradientNorms
import Reports
import Vectors

/// Writes a run's records and tells its progress: rank 0's part of reporting.
final class Recorder {
  private var metrics: JSONLinesFile
  private var ranks: JSONLinesFile
  private let layout: TensorLayout
  private let say: Speaker
  private let totalSteps: Int
  /// The last step, which waits for its update's norms: they come with the next step's ledger.
  private var pending: (outcome: StepOutcome, noise: StepRecord.Noise)?
  private var lastProgress: (time: UInt64, samples: Int)
  private let firstSamples: Int
  private let startTime: UInt64
  private var isFirst = true

  init(_ directory: RunDirectory, resumingAt step: Int?, samples: Int, layout: TensorLayout, totalSteps: Int, say: Speaker) throws {
    if let step {
      metrics = try JSONLinesFile(resuming: directory.metrics, at: step)
      ranks = try JSONLinesFile(resuming: directory.ranks, at: step)
    } else {
      metrics = try JSONLinesFile(creating: directory.metrics)
      ranks = try JSONLinesFile(creating: directory.ranks)
    }
    self.layout = layout
    self.say = say
    self.totalSteps = totalSteps
    startTime = monotonicNanoseconds()
    lastProgress = (startTime, samples)
    firstSamples = samples
  }

  /// Takes in a step, and completes the one before with the update norms that this step's ledger brought.
  func record(_ outcome: StepOutcome, _ history: RunHistory) throws {
    try settle(with: outcome.ledger)
    pending = (outcome, StepRecord.Noise(signal: history.noise.signal, variance: history.noise.variance, scale: history.noise.scale))
    progress(outcome, history)
  }

  /// Writes the step that waits, its update norms taken from a ledger that was reduced after it.
  func settle(with ledger: NormLedger) throws {
    guard let (outcome, noise) = pending else { return }
    pending = nil
    try metrics.append(
      StepRecord(
        outcome, noise: noise, tensors: layout.segments.map(\.name), updateNorm: ledger[.squaredUpdate].squareRoot(),
        weightNorm: ledger[.squaredWeights].squareRoot()))
  }

  func record(_ records: [RankRecord]) throws {
    for record in records { try ranks.append(record) }
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
          clippedFraction: history.clippedFraction, samplesPerSecond: rate, secondsLeft: samplesLeft / rate, skipped: history.skipped)))
  }
}

extension StepRecord {
  init(_ outcome: StepOutcome, noise: Noise, tensors: [String], updateNorm: Double, weightNorm: Double) {
    let (ledger, decision) = (outcome.ledger, outcome.decision)
    let peak = ledger[.localNorm]
    // No rank's own gradient was finite: there is no largest.
    let isUnknown = ledger[.nonFinite] == ledger[.contributors]
    let action: Action
    var reason: String?
    switch decision.action {
    case .step: action = .step
    case .clip: action = .clip
    case .skip(let nonFinite):
      action = .skip
      let tensor = nonFinite.tensor.map { "the gradient of \(tensors[$0])" } ?? "the loss"
      reason = "\(tensor) is not finite" + (nonFinite.rank.map { " on rank \($0)" } ?? " in sum")
    }
    self.init(
      step: outcome.step, epoch: outcome.epoch, samples: outcome.samples, loss: ledger.meanLoss, learningRate: outcome.learningRate,
      norm: Norm(
        global: decision.norm, applied: decision.applied, coefficient: decision.isSkip ? nil : decision.coefficient,
        threshold: decision.threshold, localRMS: ledger.localRMS,
        maxLocal: isUnknown ? MaxLocal(value: nil, rank: nil) : MaxLocal(value: peak.value, rank: peak.rank),
        layers: tensors.enumerated().map { NamedNumber($0.element, ledger.norm(ofTensor: $0.offset)) }),
      noise: noise, action: action, reason: reason, updateNorm: decision.isSkip ? 0 : updateNorm,
      weightNorm: decision.isSkip ? nil : weightNorm,
      seconds: Seconds(
        total: outcome.totalSeconds, data: outcome.seconds.data, compute: outcome.seconds.compute, reduce: outcome.seconds.reduce,
        norm: outcome.seconds.norm, optimizer: outcome.seconds.optimizer))
  }
}
