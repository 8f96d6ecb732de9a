import Data
import Testing

@Suite struct SampleOrderTests {
  @Test func everyEpochIsAPermutation() {
    for count in [0, 1, 2, 3, 257, 60000] {
      for epoch in [0, 1, 1000] {
        let order = SampleOrder.shuffled.indices(count: count, seed: 5, epoch: epoch)
        #expect(order.sorted() == Array(0..<UInt32(count)))
      }
    }
  }

  /// Computed by another program from the published algorithms.
  @Test func theOrderIsThePinnedFunctionOfSeedAndEpoch() {
    func ten(_ seed: UInt64, _ epoch: Int) -> [UInt32] {
      SampleOrder.shuffled.indices(count: 10, seed: seed, epoch: epoch)
    }
    #expect(ten(1, 0) == [2, 4, 6, 1, 9, 5, 0, 8, 3, 7])
    #expect(ten(1, 1) == [0, 5, 9, 1, 2, 3, 8, 7, 6, 4])
    #expect(ten(2, 0) == [5, 9, 3, 2, 0, 6, 4, 1, 7, 8])
    let large = SampleOrder.shuffled.indices(count: 60000, seed: 1, epoch: 0)
    #expect(large.prefix(8) == [38256, 7184, 30640, 43450, 34115, 14790, 44686, 40447])
  }

  @Test func sequentialIsTheIdentity() {
    #expect(SampleOrder.sequential.indices(count: 5, seed: 1, epoch: 3) == [0, 1, 2, 3, 4])
  }
}
