import GradientNorms
import RankTesting
import Testing

@Suite struct NormLedgerTests {
  @Test func figuresOfUnequalRanksAreWeighted() {
    let ledger = ledger(
      batches: [3, 1, 0], gradients: [[[3, 0], [4]], [[-1, 2], [2]], [[0, 0], [0]]],
      losses: [6, 4, 0])
    #expect(ledger.samples == 4 && ledger[.contributors] == 2)
    #expect(ledger.meanLoss == 2.5)
    // g = ((9 − 1)/4, 2/4), (14/4)
    #expect(abs(ledger.squaredNorm - (4 + 0.25 + 12.25)) < 1e-12)
    #expect(abs(ledger.norm(ofTensor: 0) - (4.25).squareRoot()) < 1e-12)
    #expect(abs(ledger.norm(ofTensor: 1) - 3.5) < 1e-12)
    // L = 3/4·25 + 1/4·9
    #expect(abs(ledger.meanLocalSquares - 21) < 1e-12)
    #expect(abs(ledger.localRMS - (21.0).squareRoot()) < 1e-12)
    #expect(ledger[.localNorm].rank == 0 && abs(ledger[.localNorm].value - 5) < 1e-12)
    #expect(ledger.nonFinite == nil)
  }

  /// Norms of vectors that are alike, at right angles and opposed: only for the second is the root
  /// of the summed squares near the truth.
  @Test(
    arguments: [
      ([5.0, 0], [5.0, 0], 5.0), ([5, 0], [0, 5], 12.5.squareRoot()), ([5, 0], [-5, 0], 0.0),
    ] as [([Double], [Double], Double)])
  func theSumOfLocalSquaresIsNotTheNorm(_ one: [Double], _ two: [Double], _ norm: Double) {
    let ledger = ledger(batches: [6, 6], gradients: [[one], [two]])
    #expect(abs(ledger.norm - norm) < 1e-12)
    #expect(ledger.localRMS == 5)
    #expect(abs(ledger.norm - 50.0.squareRoot()) > 2)
  }

  @Test func combinationCommutesToTheBit() {
    var numbers = SplitMix(state: 3)
    for _ in 0..<200 {
      let (a, b) = (randomLedger(&numbers, rank: 0), randomLedger(&numbers, rank: 1))
      #expect(combined([a, b]).record == combined([b, a]).record)
    }
  }

  /// Whole numbers add up exactly, so any difference comes from the peaks: values that are equal
  /// belong to the lowest rank, in every order.
  @Test func combinationAssociatesOnPeaks() {
    var numbers = SplitMix(state: 5)
    for _ in 0..<200 {
      let ranks = (0..<4).map { rank in randomLedger(&numbers, rank: rank, whole: true) }
      let truth = combined(ranks)
      let largest = ranks.map { $0[.localNorm].value }.max()!
      #expect(truth[.localNorm].value == largest)
      #expect(truth[.localNorm].rank == ranks.firstIndex { $0[.localNorm].value == largest })
      let order = [0, 1, 2, 3].sorted { _, _ in numbers.unit() < 0.5 }.map { ranks[$0] }
      #expect(combined(order).record == truth.record)
      #expect(
        combined([combined([order[0], order[1]]), combined([order[2], order[3]])]).record
          == truth.record)
      #expect(
        combined([order[0], combined([order[1], combined([order[2], order[3]])])]).record
          == truth.record)
    }
  }

  private func randomLedger(_ numbers: inout SplitMix, rank: Int, whole: Bool = false) -> NormLedger
  {
    var ledger = NormLedger(LedgerLayout(tensorCount: 3, countsSamples: whole))
    func value() -> Double { whole ? Double(numbers.next() % 3) : numbers.unit() }
    for sum in ledger.layout.sums { ledger[sum] = value() }
    for tensor in 0..<3 {
      (ledger[.squares, tensor], ledger[.weightedLocalSquares, tensor]) = (value(), value())
    }
    for peak in NormLedger.Peak.allCases { ledger[peak] = (value(), rank) }
    return ledger
  }

  @Test func namesWhatIsNotFinite() {
    func place(_ ledger: NormLedger) -> [Int?]? {
      ledger.nonFinite.map { [$0.rank, $0.tensor, $0.ranks] }
    }
    let bad = ledger(
      batches: [1, 1, 1], gradients: [[[1], [1]], [[1], [.nan]], [[.infinity], [1]]])
    #expect(place(bad) == [1, 1, 2])
    #expect(bad[.localNorm].rank == 0 && abs(bad[.localNorm].value - 2.0.squareRoot()) < 1e-12)
    // The loss alone: no tensor.
    #expect(
      place(ledger(batches: [1, 1], gradients: [[[1]], [[1]]], losses: [1, .infinity])) == [
        1, nil, 1,
      ])
    // Finite on every rank, and not in sum.
    var overflow = ledger(batches: [1, 1], gradients: [[[1], [1]], [[1], [1]]])
    overflow[.squares, 1] = .infinity
    #expect(place(overflow) == [nil, 1, 0])
  }
}
