import Testing
import Vectors

@Suite struct RandomStreamTests {
  /// From an implementation of SplitMix64 and xoshiro256** in another language.
  @Test func valuesArePinned() {
    func three(_ stream: RandomStream) -> [UInt64] {
      var stream = stream
      return [stream.next(), stream.next(), stream.next()]
    }
    #expect(
      three(RandomStream()) == [0x88b_1554_1349_c456, 0xf4a1_5fb8_2327_aa45, 0x1454_27fd_b1e2_dd3b])
    #expect(
      three(RandomStream(0)) == [
        0xa544_4d44_cac3_5fef, 0xec71_c6c6_3f03_fd92, 0xd0a_564e_f98a_0387,
      ])
    #expect(
      three(RandomStream(1, 2)) == [
        0x6916_fe38_79ba_b9e3, 0x6280_a0ee_1f8d_7441, 0x239c_a0b1_b0fd_aab3,
      ])
    #expect(
      three(RandomStream(2, 1)) == [
        0xea98_008e_1a57_a133, 0xf114_c87b_4133_25fc, 0xd25b_4c9c_2f1e_2e73,
      ])
    #expect(
      three(RandomStream(7, 0, 3, 4_294_967_295)) == [
        0x4300_30fd_29b3_53cb, 0x446e_9d0b_5702_3f92, 0x8235_10e5_a274_0ea8,
      ])
    #expect(
      three(RandomStream(seed: 7, purpose: 0, epoch: 3, sample: 4_294_967_295))
        == three(RandomStream(7, 0, 3, 4_294_967_295)))
  }

  /// χ² of 10 equally likely values has 9 degrees of freedom: above 33.7 once in 10 000 seeds.
  @Test(arguments: 1...5) func integersAreUniform(_ seed: UInt64) {
    var random = RandomStream(seed)
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<20_000 { counts[Int(random.integer(below: 10))] += 1 }
    let chiSquared = counts.reduce(0.0) { $0 + (Double($1) - 2000) * (Double($1) - 2000) / 2000 }
    #expect(chiSquared < 33.7)
  }

  /// Multiply-shift without rejection reaches some values of this bound twice as often as others.
  @Test func largeBoundsHaveNoBias() {
    let bound = UInt64(3) << 62
    var random = RandomStream(9)
    var thirds = [0.0, 0, 0]
    for _ in 0..<30_000 {
      let value = random.integer(below: bound)
      #expect(value < bound)
      thirds[Int(value >> 62)] += 1
    }
    // The standard deviation of a third's count is 82.
    #expect(thirds.allSatisfy { abs($0 - 10_000) < 400 })
    // Those are every third.
    var multiples = 0
    for _ in 0..<30_000 where random.integer(below: bound) % 3 == 0 { multiples += 1 }
    #expect(abs(multiples - 10_000) < 400)
  }

  @Test func boundOneIsZero() {
    var random = RandomStream(1)
    #expect(random.integer(below: 1) == 0)
  }

  @Test func unitIsUniform() {
    var random = RandomStream(3)
    let values = (0..<20_000).map { _ in random.unit() }
    #expect(values.allSatisfy { (0..<1).contains($0) })
    let mean = values.reduce(0, +) / 20_000
    let square = values.reduce(0) { $0 + $1 * $1 } / 20_000
    // Standard deviations of the two means: √(1/12/n) = 0.0020 and √(4/45/n) = 0.0021.
    #expect(abs(mean - 0.5) < 0.01 && abs(square - 1.0 / 3) < 0.0105)
  }

  @Test func uniformStaysInItsRange() {
    var random = RandomStream(4)
    let values = (0..<1000).map { _ in random.uniform(-2..<6) }
    #expect(values.allSatisfy { (-2..<6).contains($0) })
    #expect(values.min()! < -1.9 && values.max()! > 5.9)
  }
}
