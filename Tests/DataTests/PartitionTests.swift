import Data
import Testing

@Suite struct PartitionTests {
  static let rules: [Partition] = [
    .bySample, .byMicroBatch(size: 1), .byMicroBatch(size: 32), .byMicroBatch(size: 1000),
  ]

  @Test(arguments: rules, [0, 1, 2, 256, 257])
  func sharesCoverABatchExactlyOnceInRankOrder(rule: Partition, batch: Int) {
    for ranks in 1...8 {
      let shares = (0..<ranks).map { rule.share(of: batch, rank: $0, ranks: ranks) }
      #expect(shares.flatMap { Array($0) } == Array(0..<batch), "\(ranks) ranks")
    }
  }

  @Test func samplesAreDealtEvenlyAndTheFirstRanksHaveTheRest() {
    func sizes(_ batch: Int, _ ranks: Int) -> [Int] {
      (0..<ranks).map { Partition.bySample.share(of: batch, rank: $0, ranks: ranks).count }
    }
    #expect(sizes(257, 4) == [65, 64, 64, 64])
    #expect(sizes(256, 3) == [86, 85, 85])
    #expect(sizes(2, 4) == [1, 1, 0, 0])
  }

  @Test func sharesAreInProportionToWholeSamplesOrMicroBatches() {
    func sizes(_ rule: Partition, _ batch: Int, _ weights: [Int]) -> [Int] {
      let shares = weights.indices.map {
        rule.inProportion(weights).share(of: batch, rank: $0, ranks: weights.count)
      }
      #expect(shares.flatMap { Array($0) } == Array(0..<batch))
      return shares.map(\.count)
    }
    #expect(sizes(.bySample, 256, [3, 1]) == [192, 64])
    #expect(sizes(.bySample, 7, [1, 0, 6]) == [1, 0, 6])
    #expect(sizes(.bySample, 1, [1, 1, 1, 1]).reduce(0, +) == 1)
    #expect(sizes(.byMicroBatch(size: 32), 256, [3, 1]) == [192, 64])
    #expect(sizes(.byMicroBatch(size: 32), 257, [2, 1]) == [192, 65])
  }

  @Test func microBatchesAreTheSameAtAnyRankCount() {
    for batch in [1, 2, 256, 257] {
      let rule = Partition.byMicroBatch(size: 32)
      let alone = Partition.microBatches(in: rule.share(of: batch, rank: 0, ranks: 1), size: 32)
      for ranks in 1...8 {
        let dealt = (0..<ranks).map {
          Partition.microBatches(in: rule.share(of: batch, rank: $0, ranks: ranks), size: 32)
        }
        #expect(dealt.flatMap { $0 } == alone)
        let counts = dealt.map(\.count)
        #expect(counts.max()! - counts.min()! <= 1)
        #expect(counts == counts.sorted(by: >))
      }
    }
    let rule = Partition.byMicroBatch(size: 32)
    #expect(
      (0..<4).map { rule.share(of: 257, rank: $0, ranks: 4) } == [
        0..<96, 96..<160, 160..<224, 224..<257,
      ])
  }

  @Test func aShareIsCutIntoMicroBatches() {
    #expect(Partition.microBatches(in: 65..<129, size: 30) == [65..<95, 95..<125, 125..<129])
    #expect(Partition.microBatches(in: 5..<5, size: 30) == [])
  }

  @Test func everyEpochUsesEverySampleOnceAtAnyRankCount() {
    let batches = GlobalBatches(sampleCount: 1000, globalBatch: 64)
    for ranks in 1...8 {
      for epoch in 0..<2 {
        let order = SampleOrder.shuffled.indices(count: 1000, seed: 1, epoch: epoch)
        var used: [UInt32] = []
        for step in epoch * batches.stepsPerEpoch..<(epoch + 1) * batches.stepsPerEpoch {
          let slice = batches[step]
          #expect(slice.epoch == epoch)
          let drawn = (0..<ranks).flatMap { rank in
            let share = Partition.bySample.share(
              of: slice.positions.count, rank: rank, ranks: ranks)
            return order[slice.positions][
              slice.positions.lowerBound + share.lowerBound..<slice.positions.lowerBound
                + share.upperBound]
          }
          #expect(drawn == Array(order[slice.positions]))
          used += drawn
        }
        #expect(used.sorted() == Array(0..<1000))
      }
    }
  }
}
