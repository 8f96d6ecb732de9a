import GradientNorms
import Testing

@Suite struct AdaGCTests {
  private func step(_ norms: Double...) -> NormLedger {
    ledger(batches: [1], gradients: [norms.map { [$0] }])
  }

  /// By hand: two steps of warm-up to a norm of 5, then limits of 1.5 times means that begin with
  /// the smallest clipped norms.
  @Test func warmUpIsFollowedByMeansOfTensors() {
    var policy = StepPolicy(
      rule: AdaGC(ratio: 1.5, memory: 0.75, warmup: 2, maxNorm: 5), tensorSizes: [1, 1])
    let first = policy.decide(step(6, 8))  // 5/10: left 3, 4
    #expect(
      abs(first.factor(ofTensor: 0) - 0.5) < 1e-6
        && first.factor(ofTensor: 0) == first.factor(ofTensor: 1) && first.action == .clip)
    #expect(policy.decide(step(4, 2)).action == .step)  // γ = 3, 2
    let third = policy.decide(step(9, 3))  // limits 4.5, 3: γ = 2.25 + 1.125, 1.5 + 0.75
    #expect(
      abs(third.factor(ofTensor: 0) - 0.5) < 1e-6 && abs(third.factor(ofTensor: 1) - 1) < 1e-6)
    let fourth = policy.decide(step(1, 6.75))  // limits 5.0625, 3.375
    #expect(fourth.factor(ofTensor: 0) == 1 && abs(fourth.factor(ofTensor: 1) - 0.5) < 1e-6)
  }

  /// A zero gradient in the warm-up does not count as the smallest norm: it would freeze the
  /// tensor.
  @Test func zerosAreNotAdmitted() {
    var policy = StepPolicy(rule: AdaGC(warmup: 2, maxNorm: 10), tensorSizes: [1, 1])
    for norms in [(0.0, 0.0), (2, 0), (0, 0), (2, 3)] { _ = policy.decide(step(norms.0, norms.1)) }
    let decision = policy.decide(step(8, 9))
    #expect(
      abs(decision.factor(ofTensor: 0) - 1.05 * 2 / 8) < 1e-6
        && abs(decision.factor(ofTensor: 1) - 1.05 * 3 / 9) < 1e-6)
  }
}
