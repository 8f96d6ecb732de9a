import Glibc
import GradientNorms
import RankTesting
import Testing

@Suite struct NoiseScaleTests {
  /// Unequal batches of a gradient whose signal and noise are known: the weighted estimate finds
  /// them, the formula for equal batches does not.
  @Test func unequalBatchesGiveTheTrueVariance() {
    var numbers = SplitMix(state: 1)
    func gaussian() -> Double {
      (-2 * log(1 - numbers.unit())).squareRoot() * cos(2 * .pi * numbers.unit())
    }
    let batches = [7, 3, 12, 1]
    let total = Double(batches.reduce(0, +))
    let signal = [0.77, 0.87, -0.37, 0.04, -0.66, 0.16]
    let sigma = [0.5, 1, 1.5, 0.7, 0.3, 2.0]
    // With so long a memory the running means are plain means.
    var noise = NoiseScale(memory: 1 - 1e-9)
    var equalBatches = 0.0
    let trials = 20_000
    for _ in 0..<trials {
      let gradients = batches.map { batch in
        let values = signal.indices.map {
          signal[$0] + sigma[$0] / Double(batch).squareRoot() * gaussian()
        }
        return [Array(values[..<2]), Array(values[2...])]
      }
      let ledger = ledger(batches: batches, gradients: gradients)
      noise.record(ledger)
      let meanSquare = gradients.reduce(0) { $0 + squared($1[0]) + squared($1[1]) } / 4
      equalBatches += (meanSquare - ledger.squaredNorm) / (4 / total - 1 / total) / Double(trials)
    }
    let truth = squared(sigma)
    #expect(abs(truth - 8.08) < 1e-9)
    #expect(abs(noise.variance! - truth) < 0.02 * truth)
    #expect(abs(noise.signal! - squared(signal)) < 0.02 * squared(signal))
    #expect(abs(noise.scale! - truth / squared(signal)) < 0.04 * truth / squared(signal))
    #expect(abs(equalBatches - 21.4) < 0.03 * 21.4)
  }

  /// A step's estimate by hand: batches 1 and 3, gradients 4 and 0.
  @Test func oneStepHasTheEstimateByHand() {
    var noise = NoiseScale()
    noise.record(ledger(batches: [1, 3], gradients: [[[4]], [[0]]]))
    // g = 1, T = 1, L = 16/4 = 4: trΣ = 3·4/1 = 12, |G|² = 1 − 12/4 = −2: the ranks disagree.
    #expect(noise.variance == 12 && noise.signal == -2)
    #expect(noise.scale == nil)
  }

  // B3
  /// Gradients of pure noise: |G|² is not resolved, whatever its sign. With a signal as large as
  /// the noise it is.
  @Test func noiseAloneIsNotResolved() {
    var numbers = SplitMix(state: 5)
    func gaussian() -> Double {
      (-2 * log(1 - numbers.unit())).squareRoot() * cos(2 * .pi * numbers.unit())
    }
    var resolved = 0
    for _ in 0..<200 {
      var (pure, mixed) = (NoiseScale(), NoiseScale())
      for step in 0..<60 {
        let noise = (0..<2).map { _ in [[gaussian(), gaussian(), gaussian(), gaussian()]] }
        pure.record(ledger(batches: [4, 4], gradients: noise))
        mixed.record(ledger(batches: [4, 4], gradients: noise.map { [$0[0].map { $0 + 1 }] }))
        if step < 7 { #expect(mixed.resolvedScale == nil) }
      }
      if pure.resolvedScale != nil { resolved += 1 }
      #expect(mixed.resolvedScale == mixed.scale && mixed.scale != nil)
    }
    // One side of a normal distribution beyond two standard errors is 2.3 %; squares are skewed,
    // and it is judged from 60 steps.
    #expect(resolved <= 16, "\(resolved) of 200")
  }

  @Test func equalBatchesAgreeWithMcCandlish() {
    var noise = NoiseScale()
    let (one, two) = ([3.0, 1], [1.0, 2])
    noise.record(ledger(batches: [8, 8], gradients: [[one], [two]]))
    let (large, small) = (squared([2, 1.5]), (squared(one) + squared(two)) / 2)
    #expect(abs(noise.variance! - (small - large) / (1 / 8.0 - 1 / 16.0)) < 1e-12)
    #expect(abs(noise.signal! - (16 * large - 8 * small) / 8) < 1e-12)
  }

  @Test func stepsOfOnePartAndNonFiniteStepsAreLeftOut() {
    var noise = NoiseScale()
    noise.record(ledger(batches: [8], gradients: [[[1]]]))
    noise.record(ledger(batches: [8, 0], gradients: [[[1]], [[0]]]))
    #expect(noise.signal == nil && noise.variance == nil && noise.scale == nil)
    noise.record(ledger(batches: [2, 2], gradients: [[[3]], [[1]]]))
    let before = noise
    noise.record(ledger(batches: [2, 2], gradients: [[[.nan]], [[1]]]))
    noise.record(ledger(batches: [2, 2], gradients: [[[.infinity]], [[1]]]))
    #expect(noise == before)
  }

  /// The scale is the ratio of the two running means.
  @Test func theScaleIsTheRatioOfMeans() {
    var noise = NoiseScale(memory: 0.5)
    // T = 4, L = 5: trΣ = 2, |G|² = 3
    noise.record(ledger(batches: [1, 1], gradients: [[[3]], [[1]]]))
    // T = 30.25, L = 30.5: trΣ = 0.5, |G|² = 30
    noise.record(ledger(batches: [1, 1], gradients: [[[6]], [[5]]]))
    // Weights 1/3 and 2/3 after the bias correction.
    #expect(abs(noise.variance! - 1) < 1e-12)
    #expect(abs(noise.signal! - 21) < 1e-12)
    #expect(abs(noise.scale! - 1 / 21.0) < 1e-12)
  }
}
