import FoundationEssentials
import GradientNorms
import RankTesting
import Testing

@Suite struct ClipPolicyTests {
  /// The ledger of one rank whose gradient has these norms by tensor.
  private func step(_ norms: Double...) -> NormLedger {
    ledger(batches: [1], gradients: [norms.map { [$0] }])
  }

  /// numpy.percentile([4], 10), ([4, 1], 10), …: the current norm is among them, the oldest leaves
  /// after three.
  @Test func thePercentileIsOverAWindow() {
    var policy = StepPolicy(rule: .percentile(percent: 10, window: 3), tensorSizes: [1])
    for (norm, limit) in [(4.0, 4.0), (1, 1.3), (3, 1.4), (2, 1.2), (10, 2.2), (10, 3.6), (10, 10)]
    {
      let decision = policy.decide(step(norm))
      #expect(abs(decision.threshold! - limit) < 1e-14)
      #expect(decision.coefficient == min(1, decision.threshold! / (norm + 1e-6)))
    }
    // The ends of the scale.
    for (percent, limit) in [(0.0, 1.0), (50, 2.5), (75, 4.25), (100, 8)] {
      var policy = StepPolicy(rule: .percentile(percent: percent, window: 100), tensorSizes: [1])
      var last: Double?
      for norm in [8.0, 1, 2, 3] { last = policy.decide(step(norm)).threshold }
      #expect(last == limit)
    }
  }

  /// ZClip's published code, line by line, over norms with spikes, of which one comes in the
  /// warm-up.
  @Test(arguments: [nil, 1.4] as [Double?]) func zscoreFollowsZClip(_ maxNorm: Double?) {
    let settings = ZScoreClip(memory: 0.97, threshold: 2.5, warmup: 25, maxNorm: maxNorm)
    var policy = StepPolicy(rule: settings, tensorSizes: [1])
    var numbers = SplitMix(state: 9)
    var buffer: [Double] = []
    var (mean, variance) = (0.0, 0.0)
    var spikes = 0
    for index in 0..<200 {
      var norm = 1 + 0.3 * (numbers.unit() - 0.5)
      if index % 17 == 16 { norm *= 2 + 20 * numbers.unit() }
      if index % 29 == 28 { norm *= 0.1 }
      let decision = policy.decide(step(norm))
      // self.buffer / _initialize_ema
      guard buffer.count == 25 else {
        buffer.append(norm)
        if buffer.count == 25 {
          mean = buffer.reduce(0, +) / 25
          variance = buffer.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 25
        }
        #expect(decision.threshold == maxNorm)
        #expect(decision.coefficient == (maxNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1))
        continue
      }
      // _compute_clip_val, adaptive_scaling
      let std = variance.squareRoot()
      let z = (norm - mean) / (std + 1e-6)
      var clip: Double?
      if z > 2.5 {
        let eta = z / 2.5
        clip = mean + (2.5 * std) / eta
        spikes += 1
      }
      // _apply_clipping
      let effective = maxNorm.map { min(clip ?? norm, $0) } ?? clip ?? norm
      let coefficient = norm > effective ? effective / (norm + 1e-6) : 1
      #expect(abs(decision.coefficient! - coefficient) < 1e-12 * coefficient, "step \(index)")
      #expect((decision.action == .clip) == (coefficient < 1))
      // _update_ema, of the norm or of its limit; the variance by the new mean
      mean = 0.97 * mean + (1 - 0.97) * (clip ?? norm)
      variance = 0.97 * variance + (1 - 0.97) * ((clip ?? norm) - mean) * ((clip ?? norm) - mean)
    }
    #expect(spikes >= 9)
  }

  @Test func budgetsOfLayersAddUp() {
    var numbers = SplitMix(state: 2)
    let sizes = [784, 10, 5, 1]
    for budget in PerLayerClip.Budget.allCases {
      for _ in 0..<100 {
        let norms = sizes.map { _ in numbers.next() % 3 == 0 ? 0.01 : 9 * numbers.unit() }
        var policy = StepPolicy(rule: .perLayer(maxNorm: 0.7, budget: budget), tensorSizes: sizes)
        let ledger = ledger(batches: [1], gradients: [norms.map { [$0] }])
        let decision = policy.decide(ledger)
        var squares = 0.0
        for tensor in sizes.indices {
          let limit =
            budget == .uniform ? 0.7 / 2 : 0.7 * (Double(sizes[tensor]) / 800).squareRoot()
          let factor = min(1, limit / (norms[tensor] + 1e-6))
          #expect(abs(decision.factor(ofTensor: tensor) - factor) < 1e-12)
          squares += factor * factor * norms[tensor] * norms[tensor]
        }
        #expect(abs(decision.applied! - squares.squareRoot()) < 1e-12 && decision.applied! <= 0.7)
        #expect(decision.coefficient == nil && decision.threshold == 0.7)
      }
    }
  }

  /// OLMo: m ← βm + (1 − β)·clipped, limit ρm. A tensor without gradient at first is not held at
  /// zero.
  @Test func limitsFollowRunningMeansOfTensors() {
    var policy = StepPolicy(rule: .ema(ratio: 1.5, memory: 0.75), tensorSizes: [1, 1])
    #expect(policy.decide(step(4, 0)).action == .step)  // m = 4, none
    let second = policy.decide(step(8, 5))  // limits 6, none: m = 3 + 1.5 = 4.5, 5
    #expect(
      abs(second.factor(ofTensor: 0) - 6 / 8.000001) < 1e-15 && second.factor(ofTensor: 1) == 1)
    let third = policy.decide(step(1, 100))  // limits 6.75, 7.5
    #expect(
      third.factor(ofTensor: 0) == 1 && abs(third.factor(ofTensor: 1) - 7.5 / 100.000001) < 1e-8)
    // m₀ = 0.75·4.5 + 0.25 = 3.625 (but for the 10⁻⁶ of the coefficient)
    let fourth = policy.decide(step(9, 1))
    #expect(abs(fourth.factor(ofTensor: 0) - 1.5 * 3.625 / 9) < 1e-6)
    #expect(
      abs(fourth.applied! - (5.4375 * 5.4375 + 1).squareRoot()) < 1e-5 && fourth.action == .clip)
  }

  @Test func normalizationAndOtherOrdersAreApplied() {
    #expect(abs(decide(.normalize(norm: 3), step(0.3, 0.4)).applied! - 3) < 1e-5)
    let decision = decide(.normalize(norm: 3), step(30, 40))
    #expect(
      decision.coefficient == 3 / 50.000001 && decision.action == .clip && decision.norm == 50)
    #expect(decide(.normalize(norm: 3), step(0)).applied == 0)

    var ledger = NormLedger(LedgerLayout(tensorCount: 2, orders: [.one, .infinity, .one]))
    ledger.contribute(samples: 1, of: 1, loss: 0, weightedSquares: [9, 32], rank: 0)
    for (tensor, values) in [[3.0], [4, -4]].enumerated() {
      for value in values {
        ledger.add(value * value, to: .squares, of: tensor)
        ledger.add(abs(value), to: .power(.one), of: tensor)
        ledger[largestOfTensor: tensor] = max(ledger[largestOfTensor: tensor], abs(value))
      }
    }
    for (order, norm) in [(NormOrder.one, 11.0), (.two, 41.0.squareRoot()), (.infinity, 4)] {
      let decision = decide(.global(maxNorm: 2, order: order), ledger)
      #expect(decision.norm == norm && decision.coefficient == 2 / (norm + 1e-6))
      // The applied norm is L2, whatever the rule measures.
      #expect(abs(decision.applied! - 41.0.squareRoot() * 2 / (norm + 1e-6)) < 1e-12)
    }
    #expect(ledger.layout.orders == [.one, .infinity])
  }
}
