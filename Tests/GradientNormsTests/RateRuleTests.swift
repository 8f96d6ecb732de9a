import GradientNorms
import Testing

@Suite struct RateRuleTests {
  private func step(_ norm: Double) -> NormLedger { ledger(batches: [1], gradients: [[[norm]]]) }

  /// r = (σ² + μ²)/(σ²/S + μ²), σ² = trΣ/base, between 1 and S.
  @Test func adascaleFollowsTheFormula() {
    // Batches 6 and 6 of gradients 3 and 1: T = 4, L = 5, trΣ = 12, |G|² = 3.
    let ledger = ledger(batches: [6, 6], gradients: [[[3]], [[1]]])
    var noise = NoiseScale()
    noise.record(ledger)
    for (base, power) in [(3, 1.0), (3, 0.5), (12, 1), (1, 1), (4, 0.25), (24, 1)] {
      let (sigma, scale) = (12 / Double(base), 12 / Double(base))
      let gain = (sigma + 3) / (sigma / scale + 3)
      var control = RateController(.adascale(baseBatch: base, power: power))
      var root = gain
      if power == 0.5 { root = gain.squareRoot() }
      if power == 0.25 { root = gain.squareRoot().squareRoot() }
      #expect(abs(control.factor(ledger, noise) - root) < 1e-14)
      #expect(
        (min(1, scale)...max(1, scale)).contains(gain)
          && abs((control.state.state(AdaScaleRate.State.self)?.progress ?? 0) - gain) < 1e-14)
    }
    // All noise: the whole of S. No noise, or none measured: 1.
    var noisy = NoiseScale()
    let opposed = GradientNormsTests.ledger(batches: [6, 6], gradients: [[[1]], [[-1]]])
    noisy.record(opposed)
    var control = RateController(.adascale(baseBatch: 3, power: 1))
    #expect(abs(control.factor(opposed, noisy) - 4) < 1e-14)
    var quiet = NoiseScale()
    let same = GradientNormsTests.ledger(batches: [6, 6], gradients: [[[2]], [[2]]])
    quiet.record(same)
    #expect(control.factor(same, quiet) == 1 && control.factor(step(1), NoiseScale()) == 1)
  }

  /// A constant norm: the first step is the best, and after more than `patience` others the rate
  /// falls, again and again.
  @Test func aPlateauLowersTheRate() {
    var control = RateController(.plateau(factor: 0.5, patience: 3, threshold: 0.01))
    let factors = (0..<14).map { _ in control.factor(step(2), NoiseScale()) }
    #expect(factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125])
    // A norm that falls by a tenth a step: its mean of memory 0.98 falls by more than the
    // threshold.
    var falling = RateController(.plateau(factor: 0.5, patience: 3, threshold: 0.001))
    var norm = 1.0
    for _ in 0..<40 {
      #expect(falling.factor(step(norm), NoiseScale()) == 1)
      norm *= 0.9
    }
  }

  @Test func warmUpEndsWhenTheNormHasSettled() {
    var control = RateController(.warmup(steps: 100, tolerance: 0.05))
    for index in 1...40 {
      let factor = control.factor(step(3), NoiseScale())
      #expect(factor == (index <= 20 ? Double(index) / 100 : 1), "step \(index)")
    }
    // One that doubles never settles: the ramp goes to its end.
    var rising = RateController(.warmup(steps: 30, tolerance: 0.05))
    var norm = 1.0
    for index in 1...35 {
      #expect(rising.factor(step(norm), NoiseScale()) == min(1, Double(index) / 30))
      norm *= 2
    }
  }

  /// ηₜ = max(10⁻⁶(1 + ‖x₀‖), max ‖xₖ − x₀‖)/√(Σ‖gₖ‖² + 10⁻⁸)
  @Test func theRateIsTheDistanceOverGradients() {
    var rate = DistanceOverGradients()
    func ledger(weights: Double, distance: Double) -> NormLedger {
      var ledger = NormLedger(LedgerLayout(tensorCount: 2, countsWeights: true))
      ledger.add(0.36 * weights * weights, to: .weightSquares, of: 0)
      ledger.add(0.64 * weights * weights, to: .weightSquares, of: 1)
      ledger.add(distance * distance, to: .squaredDistance)
      return ledger
    }
    // The distance shrinks once: the largest one stays. The norm of the weights counts at the start
    // alone.
    let steps: [(distance: Double, squares: Double, largest: Double, sum: Double)] = [
      (0, 4, 6e-6, 4), (1e-7, 9, 6e-6, 13), (0.5, 0, 0.5, 13), (0.25, 3, 0.5, 16), (2, 0, 2, 16),
    ]
    for (index, step) in steps.enumerated() {
      let found = rate.rate(
        ledger(weights: index == 0 ? 5 : 900, distance: step.distance), appliedSquares: step.squares
      )
      #expect(abs(found - step.largest / (step.sum + 1e-8).squareRoot()) < 1e-12 * found)
    }
    var zero = DistanceOverGradients()
    #expect(
      abs(zero.rate(ledger(weights: 0, distance: 0), appliedSquares: 0) - 1e-6 / 1e-4) < 1e-15)
  }
}
