import Configuration
import GradientNorms
import Recording
import Reports

/// What a run has measured so far, as far as every rank knows it: saved in checkpoints, shown in
/// the report.
struct RunHistory: Codable, Equatable {
  private(set) var tracker = ConvergenceTracker()
  private(set) var steps = 0
  private(set) var clipped = 0
  private(set) var skipped = 0
  private(set) var firstNorm: Double?
  private(set) var lastNorm: Double?
  private(set) var largestNorm: Double?
  private(set) var skips: [Skip] = []
  /// The sentence about the last skipped step; `skips` names the first ones only.
  private(set) var lastSkip: String?
  /// Steps in which √L alone proved that nothing would be clipped.
  private(set) var certified = 0
  /// The steps after which training went on from a checkpoint; nil where it never did.
  private(set) var resumedAt: [Int]?
  /// What each rank did until the checkpoint that this is part of; nil in older ones. Known to rank
  /// 0, which writes it.
  var rankTotals: [RankTotals.Saved]?
  /// The spikes of loss and norm until then, at rank 0, which counts them as it records the steps;
  /// nil in older checkpoints.
  var spikes: [SpikeCount]?
  /// Of the rows held out; nil where none are, or nothing was evaluated yet.
  var evaluations: EvaluationHistory?
  /// The keys that a resumed start changed; nil where none did.
  private(set) var changes: [Change]?
  private(set) var biasMeasured = 0
  private var biasSum = 0.0
  private var cosineSum = 0.0

  /// A key that has had another value since training went on after `step`; values as TOML.
  struct Change: Codable, Equatable {
    var key: String
    var from: String?
    var to: String?
    var step: Int
  }

  /// A skipped step, named in the report.
  struct Skip: Codable, Equatable {
    var step: Int
    var rank: Int?
    var host: String?
    var tensor: String?
    /// Why, and where.
    var reason: String
    var text: String { "step \(step) is skipped by all ranks: \(reason)" }
  }

  /// Takes in a step, in order. Returns the sentence about a skip, if it was one.
  mutating func record(_ outcome: StepOutcome, tensors: [String], hosts: [String]) -> String? {
    steps += 1
    tracker.record(outcome.ledger, outcome.decision, rate: outcome.learningRate)
    if case .skip(let reason) = outcome.decision.action {
      skipped += 1
      let skip = Skip(outcome, reason, tensors: tensors, hosts: hosts)
      lastSkip = skip.text
      if skips.count < ConvergenceReport.namedSkips { skips.append(skip) }
      return skip.text
    }
    if outcome.decision.action == .clip { clipped += 1 }
    let norm = outcome.decision.norm
    firstNorm = firstNorm ?? norm
    lastNorm = norm ?? lastNorm
    largestNorm = max(largestNorm ?? 0, norm ?? 0)
    if outcome.decision.isCertified { certified += 1 }
    if let bias = outcome.bias {
      biasMeasured += 1
      biasSum += bias.relative
      cosineSum += bias.cosine
    }
    return nil
  }

  /// Takes in an evaluation of the rows held out. Returns whether it is the best so far.
  @discardableResult
  mutating func record(_ record: EvaluationRecord) -> Bool {
    tracker.record(heldOut: record.scores.loss, at: record.step)
    var history = evaluations ?? EvaluationHistory()
    defer { evaluations = history }
    return history.record(record)
  }

  /// Training goes on from a checkpoint of this step.
  mutating func resumed(at step: Int, changes new: [ChangedKeys.Change]) {
    resumedAt = (resumedAt ?? []) + [step]
    if !new.isEmpty {
      changes =
        (changes ?? []) + new.map { Change(key: $0.key, from: $0.from, to: $0.to, step: step) }
    }
  }

  var clippedFraction: Double { steps > 0 ? Double(clipped) / Double(steps) : 0 }
  var certifiedFraction: Double { steps > 0 ? Double(certified) / Double(steps) : 0 }
}

extension RunHistory {
  /// The mean difference of an inexact clip from the exact one, over the steps where it was
  /// measured.
  var meanBias: ClipBias? {
    guard biasMeasured > 0 else { return nil }
    return ClipBias(
      relative: biasSum / Double(biasMeasured), cosine: cosineSum / Double(biasMeasured))
  }
}

extension RunHistory.Skip {
  init(_ outcome: StepOutcome, _ reason: SkipReason, tensors: [String], hosts: [String]) {
    let nonFinite: NonFinite? = if case .nonFinite(let found) = reason { found } else { nil }
    let rank = nonFinite?.rank
    self.init(
      step: outcome.step, rank: rank, host: rank.map { hosts[$0] },
      tensor: nonFinite?.tensor.map { tensors[$0] },
      reason: "\(reason.text(tensors: tensors, hosts: hosts))\(outcome.sampleText(of: rank))")
  }
}

extension StepOutcome {
  /// Which samples a rank drew in the step, as the end of a sentence.
  func sampleText(of rank: Int?) -> String {
    guard let rank, !shares[rank].isEmpty else { return "" }
    return
      "; it drew samples \(shares[rank].lowerBound) to \(shares[rank].upperBound - 1) of epoch \(epochIndex)'s order"
  }
}

extension SkipReason {
  /// The sentence for a person.
  func text(tensors: [String], hosts: [String]? = nil) -> String {
    switch self {
    case .nonFinite(let found):
      let what = found.tensor.map { "the gradient of \(tensors[$0])" } ?? "the loss"
      guard let rank = found.rank else {
        return "\(what) is finite on every rank but their sum overflows"
      }
      let host = hosts.map { " (\($0[rank]))" } ?? ""
      let others = found.ranks > 1 ? ", and \(found.ranks - 1) more of the ranks have one too" : ""
      return "\(what) is not finite on rank \(rank)\(host)\(others)"
    case .spike(let norm, let median):
      return
        "the norm \(formatted(norm)) is \(formatted(norm / median)) times the recent median \(formatted(median))"
    case .replayDiffers: return "a rank's gradient came out otherwise on another rank"
    case .corruptedReduction(let norm, let bound):
      return
        "the reduced gradient has the norm \(formatted(norm)), above \(formatted(bound)), the mean of the parts' norms: the reduction was corrupted"
    }
  }
}
