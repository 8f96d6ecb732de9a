import GradientNorms
import RankTesting
import Testing

/// Other rules on recorded norms, against figures worked out by hand from PyTorch's coefficient,
/// limit / (norm + 1e-6).
@Suite struct ClipReplayTests {
  private func series(_ norms: [Double]) -> [ClipReplay.Norms] {
    norms.map { ClipReplay.Norms(whole: $0) }
  }

  private func agree(_ one: Double?, _ other: Double) -> Bool {
    one.map { abs($0 - other) < 1e-12 } ?? false
  }

  @Test func globalThresholdsFollowPyTorch() {
    let norms = series([0.5, 1, 2, 4])
    let at2 = ClipReplay(of: .global(maxNorm: 2), on: norms)
    // A norm of exactly the limit is clipped, as PyTorch does.
    #expect(at2.steps == 4 && at2.clipped == 2 && at2.clippedFraction == 0.5)
    #expect(agree(at2.meanCoefficient, (1 + 1 + 2 / 2.000001 + 2 / 4.000001) / 4))
    #expect(agree(at2.smallestCoefficient, 2 / 4.000001))
    let at5 = ClipReplay(of: .global(maxNorm: 5), on: norms)
    #expect(at5.clipped == 0 && at5.meanCoefficient == 1 && at5.smallestCoefficient == 1)
  }

  /// AutoClip with the median: the limits are 4, 3, 2, 3, each over the norms so far.
  @Test func thePercentileIsOfTheNormsSoFar() {
    let found = ClipReplay(of: .percentile(percent: 50, window: 10), on: series([4, 2, 1, 8]))
    #expect(found.clipped == 2)
    #expect(agree(found.meanCoefficient, (4 / 4.000001 + 1 + 1 + 3 / 8.000001) / 4))
  }

  /// A window of two: the limits are 4, 3, 1.5, 4.5.
  @Test func thePercentileIsOfAWindow() {
    let found = ClipReplay(of: .percentile(percent: 50, window: 2), on: series([4, 2, 1, 8]))
    #expect(agree(found.meanCoefficient, (4 / 4.000001 + 1 + 1 + 4.5 / 8.000001) / 4))
  }

  /// ZClip after a warm-up of two: mean 2, deviation 1. The norm 7 has the score 5, twice the
  /// threshold of 2.5: the limit is 2 + 2.5/2 = 3.25.
  @Test func theScoreLimitsASpike() {
    let rule = ZScoreClip(memory: 0.97, threshold: 2.5, warmup: 2)
    let found = ClipReplay(of: rule, on: series([1, 3, 7]))
    #expect(found.clipped == 1)
    // The score's divisor is the deviation and 1e-6.
    let limit = 2 + 2.5 * (2.5 / (5 / 1.000001))
    #expect(agree(found.smallestCoefficient, limit / 7.000001))
  }

  /// Two tensors share max_norm 1: 1/√2 each. Norms 0.6 and 0.8: the second is clipped, and √(0.36
  /// + ½) is left of 1.
  @Test func eachLayerHasItsShareOfTheLimit() {
    let limit = 0.5.squareRoot()
    let norms = [
      ClipReplay.Norms(whole: 1, tensors: [0.6, 0.8]),
      ClipReplay.Norms(whole: 0.5, tensors: [0.3, 0.4]),
    ]
    let found = ClipReplay(of: .perLayer(maxNorm: 1, budget: .uniform), on: norms)
    let left = limit / 0.800001 * 0.8
    #expect(found.clipped == 1)
    #expect(agree(found.smallestCoefficient, (0.36 + left * left).squareRoot()))
    #expect(agree(found.meanCoefficient, (1 + (0.36 + left * left).squareRoot()) / 2))
  }

  /// Replaying the same rule on a run's norms repeats the decisions of the run.
  @Test(
    arguments: [
      .global(maxNorm: 0.7), .percentile(percent: 10, window: 20), .zscore(threshold: 1, warmup: 5),
      .perLayer(maxNorm: 0.7, budget: .uniform), .perLayer(maxNorm: 0.7, budget: .size),
      .ema(ratio: 1.1, memory: 0.9), .normalize(norm: 0.5), QuantileClip(),
      AdaGC(warmup: 5, maxNorm: 0.6), RMSClip(limit: 0.3), SigmaClip(window: 8, sigmaFactor: 0.5),
    ] as [any ClipRule]) func theSameRuleDecidesTheSame(_ rule: any ClipRule)
  {
    var numbers = SplitMix(state: 9)
    var policy = StepPolicy(rule: rule, tensorSizes: [3, 1])
    var (norms, clipped, coefficients) = ([ClipReplay.Norms](), 0, [Double]())
    for _ in 0..<100 {
      let ledger = ledger(batches: [4], gradients: [[[numbers.unit()], [numbers.unit()]]])
      let decision = policy.decide(ledger)
      norms.append(
        ClipReplay.Norms(
          whole: ledger.norm, tensors: [ledger.norm(ofTensor: 0), ledger.norm(ofTensor: 1)]))
      if decision.action == .clip { clipped += 1 }
      coefficients.append(decision.applied! / decision.norm!)
    }
    let found = ClipReplay(of: rule, on: norms, sizes: [3, 1])
    #expect(found.clipped == clipped && clipped > 0)
    #expect(zip(found.coefficients, coefficients).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(abs(found.meanCoefficient! - coefficients.reduce(0, +) / 100) < 1e-12)
  }

  /// What norms do not determine has a reason, and only that.
  @Test func whatNormsDoNotDetermineHasAReason() {
    let whole = series([1, 2])
    let tensors = [1.0, 2].map { ClipReplay.Norms(whole: $0, tensors: [$0, 0]) }
    func obstacle(_ rule: any ClipRule, _ norms: [ClipReplay.Norms], _ sizes: [Int]? = nil)
      -> String?
    {
      ClipReplay.obstacle(to: rule, on: norms, sizes: sizes)
    }
    let elements: [any ClipRule] = [
      .value(limit: 1), .agc(ratio: 1, floor: 1), SPAMClip(), StableSPAMClip(),
    ]
    for rule in elements {
      #expect(obstacle(rule, tensors, [1, 1])?.contains("elements or rows") == true)
    }
    #expect(obstacle(.zscore(), whole) == nil && obstacle(SigmaClip(), whole) == nil)
    #expect(obstacle(AdaGC(), whole)?.contains("norm of each tensor") == true)
    #expect(obstacle(AdaGC(), tensors + whole) != nil && obstacle(AdaGC(), tensors) == nil)
    #expect(obstacle(RMSClip(), tensors)?.contains("sizes") == true)
    #expect(
      obstacle(RMSClip(), tensors, [1]) != nil && obstacle(RMSClip(), tensors, [1, 1]) == nil)
  }

  @Test func noStepsGiveNoFigures() {
    let found = ClipReplay(of: .global(maxNorm: 1), on: [])
    #expect(
      found.clippedFraction == nil && found.meanCoefficient == nil
        && found.smallestCoefficient == nil)
  }
}
