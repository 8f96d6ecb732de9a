import GradientNorms
import RankTesting
import Testing

@Suite struct TensorNoiseTests {
  /// Two tensors by hand: batches 1 and 3, gradients (4, 2) and (0, 2).
  @Test func eachTensorHasItsEstimateByHand() {
    var noise = TensorNoise(tensorCount: 2)
    noise.record(ledger(batches: [1, 3], gradients: [[[4], [2]], [[0], [2]]]))
    // g = (1, 2). T = (1, 4), L = (4, 4): trΣ = (12, 0), |G|² = (1 − 3, 4).
    #expect(noise.scales.map(\.variance) == [12, 0])
    #expect(noise.scales.map(\.signal) == [-2, 4])
    #expect(noise.scales.map(\.scale) == [nil, 0])
  }

  @Test func theTensorsAddUpToTheWhole() throws {
    var numbers = SplitMix(state: 9)
    var (whole, tensors) = (NoiseScale(), TensorNoise(tensorCount: 3))
    for _ in 0..<50 {
      let gradients = (0..<4).map { _ in
        [2, 5, 1].map { (0..<$0).map { _ in numbers.unit() - 0.3 } }
      }
      let ledger = ledger(batches: [5, 2, 0, 9], gradients: gradients)
      whole.record(ledger)
      tensors.record(ledger)
      let variance = tensors.scales.reduce(0) { $0 + $1.variance! }
      let signal = tensors.scales.reduce(0) { $0 + $1.signal! }
      #expect(abs(variance - whole.variance!) < 1e-13 * whole.variance!)
      #expect(abs(signal - whole.signal!) < 1e-13 * (abs(whole.signal!) + variance))
    }
  }

  /// What says nothing of the tensors' noise leaves it as it was: one part, values that are not
  /// finite, a mean that is not that of the parts' gradients, noise of single samples.
  @Test func otherStepsAreLeftOut() {
    var noise = TensorNoise(tensorCount: 1)
    noise.record(ledger(batches: [8], gradients: [[[1]]]))
    noise.record(ledger(batches: [2, 2], gradients: [[[.nan]], [[1]]]))
    for layout in [
      LedgerLayout(tensorCount: 1, parts: .apart), LedgerLayout(tensorCount: 1, parts: .sampled),
      LedgerLayout(tensorCount: 1, countsSamples: true, hasNoiseOfSamples: true),
    ] {
      let parts = (0..<2).map { rank in
        var ledger = NormLedger(layout)
        ledger.contribute(samples: 4, of: 8, loss: 1, weightedSquares: [1], rank: rank)
        ledger[.squares, 0] = 0.5
        return ledger
      }
      noise.record(combined(parts))
    }
    #expect(noise == TensorNoise(tensorCount: 1))
  }
}
