import FoundationEssentials
import GradientNorms
import Testing

@Suite struct BlockSeriesTests {
  private func step(_ loss: Double) -> StepSums {
    var sums = StepSums()
    (sums.steps, sums.taken, sums.loss) = (1, 1, loss)
    return sums
  }

  /// Against the means of consecutive runs of equally many values.
  @Test(arguments: [0, 1, 255, 256, 257, 511, 512, 1000, 1023, 1024, 70_001])
  func blocksAreSums(_ count: Int) {
    let values = (0..<count).map { Double(($0 * 7919) % 1009) }
    var series = BlockSeries()
    for value in values { series.append(step(value)) }
    // The stride doubles whenever 256 blocks are full.
    var stride = 1
    while count / stride >= BlockSeries.capacity { stride *= 2 }
    #expect(series.stride == stride && series.steps == count)
    #expect(series.blocks.count == count / stride && series.blocks.count < BlockSeries.capacity)
    for (index, block) in series.blocks.enumerated() {
      #expect(
        block.steps == stride
          && block.loss == values[index * stride..<(index + 1) * stride].reduce(0, +))
    }
    #expect(series.parts.reduce(0) { $0 + $1.steps } == count)
    #expect(series.parts.reduce(0) { $0 + $1.loss } == values.reduce(0, +))
    if count > 1 {
      #expect(series.parts.allSatisfy { 2 * $0.steps >= stride && 2 * $0.steps < 3 * stride + 1 })
    }
  }

  /// A checkpoint in the middle of a block changes nothing.
  @Test func survivesAFile() throws {
    var whole = BlockSeries()
    for value in 0..<777 { whole.append(step(Double(value) / 3)) }
    var resumed = try JSONDecoder().decode(BlockSeries.self, from: JSONEncoder().encode(whole))
    #expect(resumed == whole)
    for value in 777..<1500 {
      whole.append(step(Double(value) / 3))
      resumed.append(step(Double(value) / 3))
    }
    #expect(resumed == whole)
  }
}
