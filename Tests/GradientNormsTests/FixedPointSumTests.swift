import GradientNorms
import Testing
import Vectors

@Suite struct FixedPointSumTests {
  private func sum(_ groups: [[Double]]) -> (words: [Int64], value: Double) {
    var total = [Int64](repeating: 0, count: FixedPointSum.wordCount)
    for group in groups {
      var words = [Int64](repeating: 0, count: FixedPointSum.wordCount)
      for term in group { FixedPointSum.add(term, to: &words) }
      for index in words.indices { total[index] += words[index] }
    }
    return (total, FixedPointSum.value(of: total))
  }

  @Test func sumsAreExactInAnyOrder() {
    var random = RandomStream(3)
    // Multiples of 2⁻⁵⁰ below 2³⁰: their sum is computed with whole numbers.
    let units = (0..<1000).map { _ in
      Int64(random.integer(below: 1 << 52)) - 1 << 51
    }
    let terms = units.enumerated().map {
      Double($1) * ($0 % 3 == 0 ? 0x1p-50 : 0x1p-22)
    }
    let truth = units.enumerated().reduce(Int128(0)) {
      $0 + ($1.offset % 3 == 0 ? Int128($1.element) : Int128($1.element) << 28)
    }
    let (words, value) = sum([terms])
    #expect(value == Double(truth) * 0x1p-50)
    let others = sum([Array(terms.reversed().prefix(300)), [], Array(terms.prefix(700))])
    #expect(others.words == words && others.value == value)
  }

  private static let small: [(terms: [Double], sum: Double)] = [
    ([0, -0.0], 0), ([1.5], 1.5), ([-1.5], -1.5), ([1e20, 1, -1e20], 1),
    ([0x1p93, -0x1p93, 0x1p-64], 0x1p-64), ([-0x1p-64], -0x1p-64), ([0x1p-70, 1], 1),
    ([-3e27, 1e-10], -3e27), ([0.1, 0.2, -0.1, -0.2], 0),
  ]

  @Test(arguments: small.indices) func smallAndLargeTerms(_ index: Int) {
    let (terms, truth) = Self.small[index]
    #expect(sum([terms]).value == truth)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 0x1p94, -1e300])
  func whatDoesNotFitIsNotANumber(_ term: Double) {
    #expect(sum([[1, term, -1]]).value.isNaN)
  }
}
