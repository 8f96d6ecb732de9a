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
      #expect(block.steps == stride && block.loss == values[index * stride..<(index + 1) * stride].reduce(0, +))
    }
    #expect(series.parts.reduce(0) { $0 + $1.steps } == count)
    #expect(series.parts.reduce(0) { $0 + $1.loss } == values.reduce(0, +))
    if count > 1 { #expect(series.parts.allSatisfy { 2 * $0.steps >= stride && 2 * $0.steps < 3 * stride + 1 }) }
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

@Suite struct TrendTests {
  @Test func aLineIsItself() throws {
    let trend = try #require(Trend((0..<50).map { 7 - 0.25 * Double($0) }))
    #expect(abs(trend.slope + 0.25) < 1e-14 && trend.standardError < 1e-14)
    #expect(abs(trend.mean - (7 - 0.25 * 24.5)) < 1e-12 && trend.count == 50)
    #expect(abs(trend.change.value + 0.25 * 49) < 1e-12)
  }

  /// 1, 3, 2, 5 by hand: Sxx = 5, Sxy = 5.5, residuals −0.1, 0.8, −1.3, 0.6, whose squares add up to 2.7.
  @Test func fourValuesByHand() throws {
    let trend = try #require(Trend([1, 3, 2, 5]))
    #expect(abs(trend.slope - 1.1) < 1e-14)
    #expect(abs(trend.standardError - (2.7 / 2 / 5).squareRoot()) < 1e-14)
    #expect(abs(trend.change.value - 3.3) < 1e-13)
    // Student's t with two degrees of freedom is 9.925 at 99.5 %.
    #expect(abs(trend.change.halfWidth - 9.925 * 3 * 0.27.squareRoot()) < 1e-12)
  }

  @Test func fewerThanThreeValuesHaveNone() {
    #expect(Trend([Double]()) == nil && Trend([1.0]) == nil && Trend([1.0, 2]) == nil)
    #expect(Trend([2.0, 2, 2]) == Trend([2.0, 2, 2][...]) && Trend([2.0, 2, 2])?.slope == 0)
  }
}
