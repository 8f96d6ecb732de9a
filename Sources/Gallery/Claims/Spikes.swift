import GradientNorms
import Recording
import Reports

extension Claim {
  /// Five causes of spikes against every clip rule.
  static let spikes = Claim(
    name: "spikes",
    statement:
      "One rank with far too long gradients stalls AdamW for the rest of a run, by its mean of squares; a clip of the gradient keeps the spike out "
      + "of the moments, a clip of the update comes too late. No clip heals all causes of spikes.",
    source:
      "Huang et al. 2025, SPAM, arXiv 2501.06842; long sequences: Li, Zhang and He 2021, arXiv 2108.06084",
    expected:
      "bad rank: recovered by no seed with none, rms or sigma, by all with global; no rule recovers from all five causes with all seeds. Recovered: the mean "
      + "training loss of the last tenth of the steps is at most \(tolerance) × that of the same rule and seed without the cause, which has learned (below \(learned)). "
      + "Spike and ratio are medians: the largest norm of a step in parts of that step's without the cause, and the loss at the end likewise",
    experiment: "spikes.toml",
    runs: rules.flatMap { rule in
      seeds.flatMap { seed in
        let overrides = ["clip.rule=\(rule)", "seed=\(seed)"]
        return [PlannedRun(run(nil, rule, seed), overrides, ranks: 2)]
          + SpikeCause.allCases.map { cause in
            PlannedRun(
              run(cause, rule, seed), overrides + cause.overrides, ranks: 2, fault: cause.fault)
          }
      }
    },
    seconds: 270,
    judge: { runs in
      func outcome(_ cause: SpikeCause, _ rule: String) -> Recovery {
        Recovery(
          seeds.map { seed in (runs[run(nil, rule, seed)], runs[run(cause, rule, seed)]) })
      }
      let rows = SpikeCause.allCases.flatMap { cause in
        rules.map { (cause: cause, rule: $0, outcome: outcome(cause, $0)) }
      }
      func recovered(_ rule: String, from cause: SpikeCause) -> Int {
        rows.first { $0.cause == cause && $0.rule == rule }!.outcome.recovered
      }
      let counts = rules.map { rule in
        (rule: rule, count: SpikeCause.allCases.reduce(0) { $0 + recovered(rule, from: $1) })
      }
      let (all, most) = (SpikeCause.allCases.count * seeds.count, counts.map(\.count).max()!)
      let best = counts.filter { $0.count == most }.map(\.rule).joined(separator: ", ")
      let stalled = ["none"] + updateRules
      return Finding(
        table: [["cause, rule", "spike", "recovered", "loss ratio", "loss without the cause"]]
          + rows.map { row in
            [
              "\(row.cause.rawValue), \(row.rule)", NumberFormat.formatted(row.outcome.spike),
              "\(row.outcome.recovered)/\(seeds.count)", row.outcome.ratioText,
              NumberFormat.fixed(row.outcome.without, decimals: 3),
            ]
          },
        measured:
          "bad rank: "
          + (stalled + ["global"]).map {
            "\($0) \(recovered($0, from: .rank))/\(seeds.count)"
          }.joined(separator: ", ")
          + "; of \(all) runs with a cause \(counts[0].count) recover without a clip, at most \(most) with a rule (\(best))",
        holds: stalled.allSatisfy { recovered($0, from: .rank) == 0 }
          && recovered("global", from: .rank) == seeds.count && most < all)
    })

  private static let seeds = Array(1...3)
  private static let rules = ClipRules.builtIn.map { $0.kind }
  private static let updateRules = ClipRules.builtIn.filter { $0.usualTarget == .update }.map {
    $0.kind
  }
  fileprivate static let tolerance = 1.1
  /// In nats a byte: less than the entropy of single bytes.
  fileprivate static let learned = 2.8

  private static func run(_ cause: SpikeCause?, _ rule: String, _ seed: Int) -> String {
    "\(cause?.rawValue ?? "no cause"), \(rule), seed \(seed)"
  }
}

/// A rule's runs with a cause, against those without it, a pair a seed.
private struct Recovery {
  /// How many seeds recovered.
  let recovered: Int
  /// The medians over the seeds: of the loss at the end with the cause in parts of that without it,
  /// and of the latter.
  let ratio: Double
  let without: Double
  /// The median of the largest norm of a step in parts of the same step's without the cause.
  let spike: Double

  init(_ pairs: [(without: FinishedRun, with: FinishedRun)]) {
    let losses = pairs.map { (without: $0.without.loss(0.9, 1), with: $0.with.loss(0.9, 1)) }
    recovered = losses.count {
      $0.without < Claim.learned && $0.with <= Claim.tolerance * $0.without
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    ratio = median(losses.map { $0.without.isFinite ? $0.with / $0.without : .infinity })
    without = median(losses.map(\.without))
    spike = median(
      pairs.map { pair in
        zip(pair.with.steps, pair.without.steps).compactMap { with, without -> Double? in
          guard let norm = with.norm.global, let usual = without.norm.global, usual > 0 else {
            return nil
          }
          return norm / usual
        }.max() ?? 0
      })
  }

  var ratioText: String { ratio.isFinite ? NumberFormat.fixed(ratio, decimals: 3) : "∞" }
}
