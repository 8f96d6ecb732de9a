import GradientNorms
import Testing

@Suite struct ClipRuleTests {
  /// PyTorch's boundary: `min(1, max_norm / (norm + 1e-6))` clips already from max_norm − 1e-6 on.
  @Test(
    arguments: [
      (0.0, 1.0), (0.5, 1.0), (1 - 2e-6, 1.0), (1 - 0.5e-6, 1 / (1 + 0.5e-6)), (1.0, 1 / 1.000001),
      (2.0, 1 / 2.000001), (1e200, 1e-200),
    ] as [(Double, Double)])
  func aNormWithinTheEpsilonOfTheLimitIsClipped(_ norm: Double, _ coefficient: Double) {
    let found = clipCoefficient(norm: norm, limit: 1)
    #expect(abs(found - coefficient) <= 1e-15 * coefficient)
    #expect(found <= 1 && norm * found <= 1)
  }

  @Test func noneLeavesEveryGradient() {
    let decision = decide(.none, ledger(batches: [1], gradients: [[[1e30]]]))
    #expect(decision.coefficient == 1 && decision.threshold == nil && decision.action == .step)
  }

  @Test func decisionStepsClipsAndSkips() {
    let rule = GlobalClip(maxNorm: 2)
    let step = decide(rule, ledger(batches: [1], gradients: [[[1.5]]]))
    #expect(
      step.action == .step && step.coefficient == 1 && step.norm == 1.5 && step.applied == 1.5)
    let clip = decide(rule, ledger(batches: [1], gradients: [[[3], [4]]]))
    #expect(clip.action == .clip && clip.coefficient == 2 / 5.000001 && clip.norm == 5)
    #expect(abs(clip.applied! - 2) < 1e-6 && clip.applied! < 2)
    for value in [Double.nan, .infinity, -.infinity] {
      let skip = decide(rule, ledger(batches: [1, 1], gradients: [[[1]], [[value]]]))
      #expect(skip.isSkip && skip.norm == nil && skip.applied == nil && skip.coefficient == 0)
    }
    #expect(decide(rule, ledger(batches: [1], gradients: [[[0]]])).coefficient == 1)
  }
}

/// The decision of a new policy on a step.
func decide(_ rule: any ClipRule, _ ledger: NormLedger) -> StepDecision {
  var policy = StepPolicy(rule: rule, tensorSizes: [Int](repeating: 1, count: ledger.tensorCount))
  return policy.decide(ledger)
}
