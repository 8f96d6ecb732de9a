import FoundationEssentials
import Glibc
import GradientNorms
import Testing

@Suite struct TrendTests {
  @Test func aLineIsItself() throws {
    let trend = try #require(Trend((0..<50).map { 7 - 0.25 * Double($0) }))
    #expect(abs(trend.change + 0.25 * 49) < 1e-12 && trend.standardError < 1e-12)
    #expect(abs(trend.mean - (7 - 0.25 * 24.5)) < 1e-12 && trend.count == 50)
  }

  /// 1, 3, 2, 5 by hand: Sxx = 5, Sxy = 5.5, residuals −0.1, 0.8, −1.3, 0.6, whose squares add up
  /// to 2.7.
  @Test func fourValuesHaveTheLineByHand() throws {
    let trend = try #require(Trend([1, 3, 2, 5]))
    #expect(abs(trend.change - 3.3) < 1e-13)
    #expect(abs(trend.standardError - 3 * (2.7 / 2 / 5).squareRoot()) < 1e-13)
    // Student's t with two degrees of freedom is 9.925 at 99.5 %, and 4.303 at 97.5 %.
    #expect(abs(trend.halfWidth(.of99) - 9.925 * 3 * 0.27.squareRoot()) < 1e-12)
    #expect(abs(trend.halfWidth(.of95) - 4.303 * 3 * 0.27.squareRoot()) < 1e-12)
  }

  // B1
  /// A loss that falls by 99 % in ten steps, mostly in the first: a line's interval, −1.0 ± 1.0,
  /// holds zero. So does its mirror image.
  @Test func aCurvedFallIsAFall() throws {
    let fall = (0..<10).map { 1.294 * pow(0.58, Double($0)) }
    let trend = try #require(Trend(fall))
    #expect(trend.change + trend.halfWidth(.of99) < -1)
    #expect(abs(trend.change - (fall[9] - fall[0])) < 0.1)
    let late = try #require(Trend(fall.reversed()))
    #expect(
      abs(late.change + trend.change) < 1e-12
        && abs(late.standardError - trend.standardError) < 1e-12)
  }

  /// For noise around a level, the interval of the change contains zero in all but a few of 400
  /// draws.
  @Test func noiseIsNoTrend() throws {
    var state: UInt64 = 88
    func unit() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    var found = 0
    for _ in 0..<400 {
      let trend = try #require(Trend((0..<24).map { _ in unit() + unit() + unit() }))
      if abs(trend.change) > trend.halfWidth(.of99) { found += 1 }
    }
    #expect(found <= 12, "\(found)")
  }

  @Test func fewerThanThreeValuesHaveNone() {
    #expect(Trend([Double]()) == nil && Trend([1.0]) == nil && Trend([1.0, 2]) == nil)
    #expect(Trend([2.0, 2, 2]) == Trend([2.0, 2, 2][...]) && Trend([2.0, 2, 2])?.change == 0)
  }
}
