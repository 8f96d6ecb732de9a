import Glibc
import GradientNorms
import RankTesting
import Testing

/// The rule `quantile` against the formula of Andrew et al. 2019, section 2.1.
@Suite struct QuantileClipTests {
  private func step(_ norm: Double) -> NormLedger {
    ledger(batches: [1], gradients: [[[norm]]])
  }

  /// Norms between 0.1 and 10, at first ten times longer.
  private static let norms: [Double] = {
    var numbers = SplitMix(state: 21)
    return (0..<2000).map { exp(4.6 * (numbers.unit() - 0.5)) * ($0 < 300 ? 10 : 1) }
  }()

  @Test(
    arguments: [(0.5, 0.2, nil), (0.9, 0.05, nil), (0.1, 1, 0.1), (0.7, 10, 300)]
      as [(Double, Double, Double?)])
  func itIsThePapersFormula(_ quantile: Double, _ rate: Double, _ start: Double?) {
    var policy = StepPolicy(
      rule: QuantileClip(quantile: quantile, rate: rate, startNorm: start), tensorSizes: [1])
    // ln C adds up: no product of factors, as the rule has it.
    let origin = start ?? Self.norms[0]
    var exponent = 0.0
    var unclipped = 0
    for (index, norm) in Self.norms.enumerated() {
      let limit = origin * exp(exponent)
      let decision = policy.decide(step(norm))
      #expect(abs(decision.threshold! / limit - 1) < 1e-9, "step \(index)")
      let isUnclipped = norm <= limit
      #expect((decision.action == .step) == isUnclipped, "step \(index)")
      // But for PyTorch's 10⁻⁶, the paper's min(1, C/‖g‖).
      #expect(abs(decision.applied! - min(norm, limit)) < 1.1e-6 * max(1, limit / norm))
      exponent -= rate * ((isUnclipped ? 1 : 0) - quantile)
      if isUnclipped && index >= 1000 { unclipped += 1 }
    }
    // A sum of steps of −η(1 − γ) and ηγ that stays bounded has the share γ of the former.
    #expect(abs(Double(unclipped) / 1000 - quantile) < 0.05)
  }

  @Test func theFirstStepIsLeftAsItIs() {
    let first = decide(QuantileClip(), step(3))
    #expect(first.action == .step && first.coefficient == 1 && first.threshold == 3)
    let limited = decide(QuantileClip(startNorm: 1.5), step(3))
    #expect(limited.action == .clip && limited.coefficient == 1.5 / 3.000001)
  }

  /// C is never 0 or infinite, however many steps are on one side of it.
  @Test func theLimitStaysAboveZeroAndFinite() {
    for (norm, quantile) in [(1e-300, 0.01), (1e150, 0.99)] {
      let rule = QuantileClip(quantile: quantile, rate: 10, startNorm: norm > 1 ? 1e-3 : 1e3)
      var policy = ClipPolicy(rule, tensorSizes: [1])
      for _ in 0..<1000 {
        let limit = policy.decide(norm: norm, tensorNorms: [norm]).threshold!
        #expect(limit > 0 && limit.isFinite)
      }
      #expect(rule.accepts(policy.state, tensorCount: 1))
      // It has reached the norm, and is within two updates of it.
      let limit = policy.decide(norm: norm, tensorNorms: [norm]).threshold!
      #expect(abs(log(limit / norm)) < 20)
    }
    #expect(
      !QuantileClip().accepts(.fields(["limit": .number(-1)]), tensorCount: 1)
        && !QuantileClip().accepts(.fields([:]), tensorCount: 1))
  }
}
