import Data
import Testing

@Suite struct GlobalBatchesTests {
  @Test func theLastBatchOfAnEpochHoldsTheRest() {
    let batches = GlobalBatches(sampleCount: 60000, globalBatch: 256)
    #expect(batches.stepsPerEpoch == 235)
    #expect(batches[0] == .init(epoch: 0, positions: 0..<256))
    #expect(batches[234] == .init(epoch: 0, positions: 59904..<60000))
    #expect(batches[235] == .init(epoch: 1, positions: 0..<256))
    #expect(batches[3 * 235 - 1] == .init(epoch: 2, positions: 59904..<60000))
  }

  @Test func batchesMayDivideOrExceedTheData() {
    #expect(GlobalBatches(sampleCount: 64, globalBatch: 32).stepsPerEpoch == 2)
    #expect(
      GlobalBatches(sampleCount: 64, globalBatch: 32)[3] == .init(epoch: 1, positions: 32..<64))
    #expect(
      GlobalBatches(sampleCount: 10, globalBatch: 32)[2] == .init(epoch: 2, positions: 0..<10))
  }

  @Test func countsTheSamplesOfTheFirstSteps() {
    let batches = GlobalBatches(sampleCount: 100, globalBatch: 30)
    var sum = 0
    for step in 0..<20 {
      #expect(batches.samples(inFirst: step) == sum)
      sum += batches[step].positions.count
    }
  }
}
