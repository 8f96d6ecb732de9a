import GradientNorms
import Recording

// The rules that are tried on a run's norms.
extension WhatIf {
  /// A rule with its settings, and where they come from.
  struct Candidate {
    var name: String
    var rule: any ClipRule
    var maxNorm: Double?
    var note: String

    init(_ rule: any ClipRule, name: String? = nil, maxNorm: Double? = nil, _ note: String = "") {
      (self.rule, self.maxNorm, self.note) = (rule, maxNorm, note)
      self.name = name ?? type(of: rule).kind
    }
  }

  /// Quantiles of the run's norms that are tried as limits.
  private static let quantiles = [0.5, 0.75, 0.9, 0.95, 0.99]

  /// Every kind of rule, for the vector that it usually limits; for the update all of them where the
  /// run itself limited that.
  func candidates(for target: ClipTarget) -> [Candidate] {
    let own = (run.target == target ? run.threshold : nil)
    let (limit, source) = (own ?? 1, own == nil ? "the default" : "the run's own limit")
    let fixed: [Candidate] = [
      Candidate(.global(maxNorm: limit), maxNorm: limit, source),
      Candidate(.normalize(norm: limit), maxNorm: limit, source),
      Candidate(
        .perLayer(maxNorm: limit, budget: .uniform), maxNorm: limit,
        "\(source), in equal parts"),
      Candidate(
        .perLayer(maxNorm: limit, budget: .size), name: "per-layer, size", maxNorm: limit,
        "\(source), parts by size"),
    ]
    let moving: [Candidate] = [
      Candidate(
        .percentile(percent: 10, window: 1000), "AutoClip: 10th percentile of 1000 steps"),
      Candidate(.zscore(), "ZClip: z 2.5, memory 0.97, warm-up 25"),
      Candidate(QuantileClip(), "half of the steps unclipped, rate 0.2"),
      Candidate(.ema(ratio: 1.1, memory: 0.99), "each tensor, ratio 1.1, memory 0.99"),
      Candidate(AdaGC(), "AdaGC: each tensor, ratio 1.05"),
      Candidate(RMSClip(), "Adafactor: each tensor's RMS at most 1"),
      Candidate(SigmaClip(), "Levanter: mean and 3 deviations of 128"),
    ]
    let elements: [Candidate] = [
      Candidate(.value(limit: 1)), Candidate(.agc(ratio: 0.01, floor: 1e-3)),
      Candidate(SPAMClip()), Candidate(StableSPAMClip()),
    ]
    return (limits(for: target) + fixed + moving + elements).filter { candidate in
      switch target {
      case .gradient: type(of: candidate.rule).usualTarget == .gradient
      case .update:
        type(of: candidate.rule).usualTarget == .update
          || run.target == .update && !candidate.rule.needs.contains(.elements)
      }
    }
  }

  /// Quantiles as limits of the whole norm.
  private func limits(for target: ClipTarget) -> [Candidate] {
    let sorted = run.series(of: target).map(\.whole).sorted()
    guard !sorted.isEmpty else { return [] }
    return Self.quantiles.compactMap { q in
      // The smallest norm that at least this share of the steps does not exceed.
      let limit = sorted[min(sorted.count - 1, Int((q * Double(sorted.count)).rounded(.up)) - 1)]
      let name = q == 0.5 ? "median" : "\(Int(q * 100)) % quantile"
      return limit > 0
        ? Candidate(.global(maxNorm: limit), maxNorm: limit, "the run's \(name)") : nil
    }
  }
}
