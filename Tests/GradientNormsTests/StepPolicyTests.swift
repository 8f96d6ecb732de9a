import FoundationEssentials
import GradientNorms
import RankTesting
import Testing

@Suite struct StepPolicyTests {
  private func step(_ norm: Double, local: Double? = nil) -> NormLedger {
    let half = local ?? norm
    // Two ranks whose gradients share one component and differ in another.
    let apart = max(0, half * half - norm * norm).squareRoot()
    return GradientNormsTests.ledger(
      batches: [1, 1], gradients: [[[norm, apart]], [[norm, -apart]]])
  }

  /// √L ≤ C, and only that, certifies that nothing is clipped; steps so certified are counted.
  @Test func aBoundBelowTheLimitCertifiesAStep() {
    for scope in [ClipScope.meanGradient, .bound] {
      var policy = StepPolicy(rule: .global(maxNorm: 2), scope: scope, tensorSizes: [2])
      let steps: [(norm: Double, local: Double, isCertified: Bool, exact: Double)] = [
        (1, 1.5, true, 1), (1, 2.5, false, 1), (1, 2, false, 1), (3, 4, false, 2 / 3.000001),
        (1.9, 1.99, true, 1),
      ]
      for step in steps {
        let ledger =
          step.local == step.norm ? self.step(step.norm) : self.step(step.norm, local: step.local)
        let early = scope == .bound ? policy.decideEarly(ledger) : nil
        let decision = policy.decide(ledger, early: early)
        #expect(decision.isCertified == step.isCertified, "\(scope) \(step)")
        let coefficient = scope == .bound ? min(1, 2 / (ledger.localRMS + 1e-6)) : step.exact
        #expect(abs(decision.coefficient! - coefficient) < 1e-12)
        #expect(
          abs(decision.applied! - coefficient * step.norm) < 1e-12
            && abs(decision.norm! - step.norm) < 1e-12)
        // A gradient within the bound is within the exact limit too.
        #expect(decision.applied! <= min(2, step.norm) + 1e-12)
      }
      #expect(policy.memory.certified == 2)
    }
  }

  /// With a penalty in the mean gradient √L proves nothing, and a zero gradient of the loss is no
  /// corruption.
  @Test func aPenaltyIsNotTakenForACorruption() {
    var ledger = NormLedger(LedgerLayout(tensorCount: 1, parts: .apart))
    ledger.contribute(samples: 2, of: 4, loss: 0, weightedSquares: [0.25], rank: 0)
    ledger.contribute(samples: 2, of: 4, loss: 0, weightedSquares: [0.25], rank: 1)
    ledger.add(25, to: .squares, of: 0)
    ledger.add(0.5, to: .lossSquares)
    var policy = StepPolicy(rule: .global(maxNorm: 2), tensorSizes: [1])
    let decision = policy.decide(ledger)
    #expect(!decision.isCertified && decision.norm == 5 && decision.action == .clip)
    #expect(ledger.squaredPartsNorm == 0.5 && ledger.diversity == 2 && ledger.agreement == 0.5)
    var none = NormLedger(LedgerLayout(tensorCount: 1, parts: .apart))
    none.contribute(samples: 4, of: 4, loss: 0, weightedSquares: [0], rank: 0)
    none.add(25, to: .squares, of: 0)
    #expect(!policy.decide(none).isSkip && none.squaredPartsNorm == 0)
  }

  /// Gradients that ranks clipped before the sum give no noise estimate unless the exact gradient
  /// was summed too.
  @Test func clippedGradientsDoNotCountInTheNoise() {
    var ledger = NormLedger(LedgerLayout(tensorCount: 1, parts: .sampled))
    ledger.contribute(samples: 1, of: 2, loss: 0, weightedSquares: [9.0 / 4], rank: 0)
    ledger.contribute(samples: 1, of: 2, loss: 0, weightedSquares: [1.0 / 4], rank: 1)
    ledger.add(1, to: .squares, of: 0)
    var noise = NoiseScale()
    noise.record(ledger)
    #expect(
      !ledger.hasNoiseEstimate && noise.signal == nil && ledger.diversity == nil
        && ledger.agreement == nil)
    ledger.add(4, to: .exactSquares)
    noise.record(ledger)
    #expect(ledger.hasNoiseEstimate && noise.variance == 2 && noise.signal == 3)
    let decision = {
      var policy = StepPolicy(rule: .global(maxNorm: 2.5), scope: .worker, tensorSizes: [1])
      return policy.decide(ledger)
    }()
    // √L = √5 is below 2.5, and yet rank 0, of norm 3, was clipped.
    #expect(
      decision.action == .clip && !decision.isCertified && decision.norm == 2
        && decision.applied == 1)
  }

  /// Samples that were clipped one by one: the step is a clip where any was, and the noise is that
  /// of the clipped gradients.
  @Test func clippedSamplesAreCounted() {
    var ledger = NormLedger(
      LedgerLayout(
        tensorCount: 1, countsSamples: true, clipsSamples: true, hasNoiseOfSamples: true))
    ledger.contribute(samples: 4, of: 4, loss: 0, weightedSquares: [1], rank: 0)
    ledger.add(1, to: .squares, of: 0)
    ledger.add(40, to: .sampleSquares)
    ledger.add(16, to: .clippedSampleSquares)
    var policy = StepPolicy(rule: .global(maxNorm: 2), scope: .sample, tensorSizes: [1])
    var decision = policy.decide(ledger)
    #expect(decision.action == .step && decision.norm == nil && decision.applied == 1)
    #expect(decision.coefficient == 1 && decision.threshold == 2 && !decision.isCertified)
    ledger.add(3, to: .clippedSamples)
    ledger.add(9, to: .exactSquares)
    decision = policy.decide(ledger)
    #expect(decision.action == .clip && decision.norm == 3 && decision.applied == 1)
    #expect(ledger.clippedSamples == 0.75)
    var noise = NoiseScale()
    noise.record(ledger)
    // trΣ = (16/4 − 1)·4/3, |G|² = 1 − trΣ/4
    #expect(noise.variance == 4 && noise.signal == 0)
  }

  @Test func aNormAboveItsBoundIsACorruption() {
    var policy = StepPolicy(rule: .none, tensorSizes: [2])
    // Σ wᵢ‖gᵢ‖ = 5: up to rounding ‖g‖ cannot be more.
    for (extra, isSkip) in [(0.0, false), (1e-4, false), (0.1, true), (1e9, true)] {
      var ledger = step(5)
      ledger.add(extra, to: .squares, of: 0)
      #expect(policy.decide(ledger).isSkip == isSkip, "\(extra)")
    }
    for size in [1e-20, 1e30] { #expect(!policy.decide(step(size)).isSkip) }
  }

  /// From the 33rd step on, against the median of the last 128 taken; a skipped norm never enters.
  @Test func aSpikeIsSkippedAgainstTheMedian() {
    var policy = StepPolicy(rule: .none, skip: SkipPolicy(spike: 4, skipLimit: 3), tensorSizes: [2])
    var taken: [Double] = []
    var numbers = SplitMix(state: 8)
    for index in 1...400 {
      let norm = index % 20 == 5 ? 50.0 : 1 + numbers.unit()
      let decision = policy.decide(step(norm))
      let window = taken.suffix(128).sorted()
      let isSpike =
        taken.count >= 32
        && norm > 4
          * (window.count % 2 == 1
            ? window[window.count / 2]
            : (window[window.count / 2 - 1] + window[window.count / 2]) / 2)
      #expect(decision.isSkip == isSpike, "step \(index)")
      if !isSpike { taken.append(norm) }
      #expect(!policy.mustStop && policy.memory.skipsInARow == (isSpike ? 1 : 0))
    }
    #expect(taken.count == 400 - 18)
    for count in 1...3 {
      #expect(
        policy.decide(step(1000)).isSkip && policy.memory.skipsInARow == count
          && policy.mustStop == (count == 3))
    }
    #expect(!policy.decide(step(1)).isSkip && !policy.mustStop)
  }

  /// A step that is not finite does not change the memory of detectors, and a checkpoint in between
  /// changes nothing.
  @Test(
    arguments: [
      .percentile(percent: 50, window: 9), .zscore(warmup: 4), .ema(ratio: 1.1, memory: 0.9),
      AdaGC(warmup: 5, maxNorm: 2), QuantileClip(), SigmaClip(window: 9, sigmaFactor: 1),
    ] as [any ClipRule]) func aNonFiniteStepAndACheckpointLeaveTheMemoryAsItWas(
      _ rule: any ClipRule
    ) throws
  {
    var whole = StepPolicy(rule: rule, skip: SkipPolicy(spike: 30), tensorSizes: [2])
    var disturbed = whole
    var numbers = SplitMix(state: 6)
    for index in 0..<80 {
      let ledger = step(1 + numbers.unit() * (index % 10 == 9 ? 9 : 1))
      let truth = whole.decide(ledger)
      if index % 7 == 3 {
        for value in [Double.nan, .infinity] {
          let before = disturbed.memory.clip
          #expect(disturbed.decide(poisoned(value)).isSkip && disturbed.memory.clip == before)
        }
      }
      if index % 13 == 5 {
        var resumed = StepPolicy(rule: rule, skip: SkipPolicy(spike: 30), tensorSizes: [2])
        resumed.memory = try JSONDecoder().decode(
          StepPolicy.Memory.self, from: JSONEncoder().encode(disturbed.memory))
        #expect(resumed.memory == disturbed.memory)
        disturbed = resumed
      }
      #expect(disturbed.decide(ledger) == truth, "step \(index)")
    }
    #expect(whole.memory == disturbed.memory)
  }

  private func poisoned(_ value: Double) -> NormLedger {
    GradientNormsTests.ledger(batches: [1, 1], gradients: [[[1, 1]], [[value, 1]]])
  }
}
