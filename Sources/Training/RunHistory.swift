import GradientNorms
import Reports

/// What a run has measured so far, as far as every rank knows it: kept in checkpoints, told in the report.
struct RunHistory: Codable, Equatable {
  private(set) var noise = NoiseScale()
  private(set) var tracker = ConvergenceTracker()
  private(set) var steps = 0
  private(set) var clipped = 0
  private(set) var skipped = 0
  private(set) var firstNorm: Double?
  private(set) var lastNorm: Double?
  private(set) var largestNorm: Double?
  private(set) var lastLoss: Double?
  private(set) var skips: [Skip] = []

  /// A skipped step, told in the report.
  struct Skip: Codable, Equatable {
    var step: Int
    var rank: Int?
    var host: String?
    var tensor: String?
    var text: String
  }

  /// Takes in a step, in order. Returns the sentence that tells of a skip, if it was one.
  mutating func record(_ outcome: StepOutcome, tensors: [String], hosts: [String]) -> String? {
    steps += 1
    noise.record(outcome.ledger)
    tracker.record(outcome.ledger, outcome.decision)
    if case .skip(let nonFinite) = outcome.decision.action {
      skipped += 1
      let skip = Skip(outcome.step, nonFinite, tensors: tensors, hosts: hosts)
      if skips.count < ConvergenceReport.namedSkips { skips.append(skip) }
      return skip.text
    }
    if outcome.decision.action == .clip { clipped += 1 }
    lastLoss = outcome.ledger.meanLoss
    let norm = outcome.decision.norm
    firstNorm = firstNorm ?? norm
    lastNorm = norm
    largestNorm = max(largestNorm ?? 0, norm ?? 0)
    return nil
  }

  var clippedFraction: Double { steps > 0 ? Double(clipped) / Double(steps) : 0 }
}

extension RunHistory.Skip {
  init(_ step: Int, _ nonFinite: NonFinite, tensors: [String], hosts: [String]) {
    let tensor = nonFinite.tensor.map { tensors[$0] }
    let host = nonFinite.rank.map { hosts[$0] }
    let what = tensor.map { "the gradient of \($0)" } ?? "the loss"
    let text: String
    if let rank = nonFinite.rank, let host {
      let others = nonFinite.ranks > 1 ? ", and \(nonFinite.ranks - 1) more of the ranks have one too" : ""
      text = "step \(step) is skipped by all ranks: \(what) is not finite on rank \(rank) (\(host))\(others)"
    } else {
      text = "step \(step) is skipped by all ranks: \(what) is finite on every rank but their sum overflows"
    }
    self.init(step: step, rank: nonFinite.rank, host: host, tensor: tensor, text: text)
  }
}
