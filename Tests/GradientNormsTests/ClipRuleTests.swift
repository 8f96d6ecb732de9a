import GradientNorms
import Testing

@Suite struct ClipRuleTests {
  /// PyTorch's boundary: `min(1, max_norm / (norm + 1e-6))` clips already from max_norm − 1e-6 on.
  @Test(
    arguments: [
      (0.0, 1.0), (0.5, 1.0), (1 - 2e-6, 1.0), (1 - 0.5e-6, 1 / (1 + 0.5e-6)), (1.0, 1 / 1.000001), (2.0, 1 / 2.000001), (1e200, 1e-200),
    ] as [(Double, Double)])
  func boundary(_ norm: Double, _ coefficient: Double) {
    let found = ClipRule.global(maxNorm: 1).coefficient(norm: norm)
    #expect(abs(found - coefficient) <= 1e-15 * coefficient)
    #expect(found <= 1 && norm * found <= 1)
  }

  @Test func noneLeavesEveryGradient() {
    #expect(ClipRule.none.coefficient(norm: 1e30) == 1 && ClipRule.none.threshold == nil)
    #expect(ClipRule.global(maxNorm: 2.5).threshold == 2.5)
  }

  @Test func decisionStepsClipsAndSkips() {
    let rule = ClipRule.global(maxNorm: 2)
    let step = StepDecision(ledger(batches: [1], gradients: [[[1.5]]]), rule: rule)
    #expect(step.action == .step && step.coefficient == 1 && step.norm == 1.5 && step.applied == 1.5)
    let clip = StepDecision(ledger(batches: [1], gradients: [[[3], [4]]]), rule: rule)
    #expect(clip.action == .clip && clip.coefficient == 2 / 5.000001 && clip.norm == 5)
    #expect(abs(clip.applied! - 2) < 1e-6 && clip.applied! < 2)
    for value in [Double.nan, .infinity, -.infinity] {
      let skip = StepDecision(ledger(batches: [1, 1], gradients: [[[1]], [[value]]]), rule: rule)
      #expect(skip.isSkip && skip.norm == nil && skip.applied == nil && skip.coefficient == 0)
    }
    #expect(StepDecision(ledger(batches: [1], gradients: [[[0]]]), rule: rule).coefficient == 1)
  }
}
