import GradientNorms
import RankTesting
import Testing

/// Gradients of 0, at the start or later, do not fix any detector at 0 (B13).
@Suite struct ZeroNormTests {
  private func step(_ norms: Double...) -> NormLedger {
    ledger(batches: [1], gradients: [norms.map { [$0] }])
  }

  static let rules: [any ClipRule] = [
    .none, .percentile(percent: 10, window: 20), .percentile(percent: 0, window: 5), .zscore(),
    .zscore(warmup: 4, maxNorm: 3), .ema(ratio: 1.1, memory: 0.9), .global(maxNorm: 0.5),
    AdaGC(warmup: 4, maxNorm: 3), QuantileClip(), QuantileClip(quantile: 0.9, startNorm: 4),
    SigmaClip(window: 20, sigmaFactor: 1),
  ]

  /// Steps without a gradient, 40 at the start and more later, change no decision of the other
  /// steps: skips, limits and factors.
  @Test(arguments: rules) func stepsWithoutGradientChangeNoDecision(_ rule: any ClipRule) {
    var plain = StepPolicy(rule: rule, skip: SkipPolicy(spike: 6), tensorSizes: [1, 1])
    var disturbed = plain
    var numbers = SplitMix(state: 11)
    var skips = 0
    for index in 0..<120 {
      for _ in 0..<(index == 0 ? 40 : Int(numbers.next() % 3)) {
        let decision = disturbed.decide(step(0, 0))
        #expect(!decision.isSkip && decision.applied == 0 && decision.threshold != 0)
      }
      let spike = index % 40 == 39 ? 30.0 : 1
      let ledger = step(spike * (1 + numbers.unit()), 2 * spike * numbers.unit())
      let (truth, decision) = (plain.decide(ledger), disturbed.decide(ledger))
      #expect(decision == truth, "step \(index)")
      if truth.isSkip {
        skips += 1
      } else {
        #expect(truth.applied! > 0.4, "step \(index) is all but frozen")
      }
    }
    // The guard waits for 32 steps that have a gradient.
    #expect(skips == 3)
  }

  @Test func aTensorWithoutGradientKeepsItsMean() {
    var policy = StepPolicy(rule: .ema(ratio: 1.5, memory: 0.5), tensorSizes: [1, 1])
    _ = policy.decide(step(1, 4))
    for _ in 0..<1000 { _ = policy.decide(step(1, 0)) }
    #expect(abs(policy.decide(step(1, 100)).factor(ofTensor: 1) - 6 / 100.000001) < 1e-15)
  }

  /// The factor of the learning rate neither falls, nor ends its warm-up, for gradients that were
  /// all 0.
  @Test func ratesWaitForAGradient() {
    var plateau = RateController(.plateau(factor: 0.5, patience: 3, threshold: 0.01))
    for _ in 0..<50 { #expect(plateau.factor(step(0), NoiseScale()) == 1) }
    var warmup = RateController(.warmup(steps: 100, tolerance: 0.05))
    for index in 1...50 { #expect(warmup.factor(step(0), NoiseScale()) == Double(index) / 100) }
  }
}
