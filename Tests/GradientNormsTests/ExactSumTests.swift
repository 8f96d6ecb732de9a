import GradientNorms
import RankTesting
import Testing

/// A sum of Doubles as counts of powers of two, one integer a power: exact, and quite different
/// from the limbs of ``ExactSum``.
private struct PowerCounts {
  /// counts[i] is how often 2^(i − 1074) is in the sum.
  private var counts = [Int](repeating: 0, count: 2200)

  mutating func add(_ term: Double) {
    guard term != 0 else { return }
    let exponent = term.exponentBitPattern == 0 ? 0 : Int(term.exponentBitPattern) - 1
    let significand = term.significandBitPattern | (term.exponentBitPattern == 0 ? 0 : 1 << 52)
    for bit in 0..<53 where significand >> bit & 1 == 1 {
      counts[exponent + bit] += term < 0 ? -1 : 1
    }
  }

  /// The sum, rounded to nearest, ties to even.
  var value: Double {
    func digits(_ sign: Int) -> [Int]? {
      var (digits, carry) = ([Int](), 0)
      for count in counts {
        let sum = sign * count + carry
        digits.append(sum & 1)
        carry = sum >> 1
      }
      return carry < 0 ? nil : digits
    }
    let positive = digits(1)
    let bits = positive ?? digits(-1)!
    guard let top = bits.lastIndex(of: 1) else { return 0 }
    var significand = 0.0
    for bit in stride(from: top, through: max(0, top - 52), by: -1) {
      significand = 2 * significand + Double(bits[bit])
    }
    if top > 52 {
      let half = bits[top - 53] == 1
      let isMore = bits[..<(top - 53)].contains(1)
      if half && (isMore || bits[top - 52] == 1) { significand += 1 }
    }
    // Powers of two in steps that stay in range.
    var (result, exponent) = (significand, max(0, top - 52) - 1074)
    while exponent > 0 { (result, exponent) = (result * 2, exponent - 1) }
    while exponent < 0 { (result, exponent) = (result / 2, exponent + 1) }
    return positive == nil ? -result : result
  }
}

/// The words of a sum.
private func words(_ terms: some Sequence<Double>) -> [Int64] {
  var words = [Int64](repeating: 0, count: ExactSum.wordCount)
  for term in terms {
    words.withUnsafeMutableBufferPointer { ExactSum.add(term, to: $0.baseAddress!) }
  }
  return words
}

private func value(_ words: [Int64]) -> Double {
  words.withUnsafeBufferPointer { ExactSum.value(of: $0.baseAddress!) }
}
private func sum(_ terms: Double...) -> Double { value(words(terms)) }

@Suite struct ExactSumTests {
  /// A carry that meets its opposite in the next limb leaves nothing, though words differ from zero.
  @Test func whatCancelsThroughACarryIsZero() {
    for scale in [1.0, 0x1p-32, 0x1p384, -0x1p-352] {
      #expect(sum(scale / 2, scale / 2, -scale) == 0)
      #expect(sum(scale / 2, scale / 2, -scale, scale / 4) == scale / 4)
    }
  }

  /// Terms of any sign between 2⁻³⁶³ and 2⁴¹⁴, some of them cancelling: against exact arithmetic,
  /// in any order and any groups.
  @Test func anyOrderAndPartitionIsExact() {
    var numbers = SplitMix(state: 11)
    for trial in 0..<300 {
      // Some trials with narrow, some with wild exponents.
      let spread = UInt64([2, 30, 120, 777][trial % 4])
      let lowest = trial % 4 == 3 ? -363 : Int(numbers.next() % 300) - 180
      var terms: [Double] = []
      for _ in 0..<Int(1 + numbers.next() % 120) {
        let term = Double(
          sign: numbers.next() % 2 == 0 ? .plus : .minus,
          exponent: lowest + Int(numbers.next() % spread), significand: 1 + numbers.unit())
        terms.append(term)
        if numbers.next() % 3 == 0 { terms.append(-term) }
      }
      var oracle = PowerCounts()
      for term in terms { oracle.add(term) }
      let truth = oracle.value
      #expect(value(words(terms)).bitPattern == truth.bitPattern, "\(terms)")
      // Words need not be the same, the value must be.
      for _ in 0..<3 {
        let order = terms.map { ($0, numbers.next()) }.sorted { $0.1 < $1.1 }.map(\.0)
        let cuts = [
          0, Int(numbers.next() % UInt64(order.count + 1)),
          Int(numbers.next() % UInt64(order.count + 1)), order.count,
        ].sorted()
        let groups = (0..<3).map { words(order[cuts[$0]..<cuts[$0 + 1]]) }
        let total = groups[0].indices.map { groups[0][$0] + groups[1][$0] + groups[2][$0] }
        #expect(value(total).bitPattern == truth.bitPattern)
      }
    }
  }

  @Test func tiesGoToEven() {
    for sign in [1.0, -1] {
      func total(_ terms: Double...) -> Double { value(words(terms.map { sign * $0 })) }
      #expect(total(0x1p53, 1) == sign * 0x1p53)
      #expect(total(0x1p53, 3) == sign * 0x1.0000000000002p53)
      // Any term far below breaks the tie.
      #expect(total(0x1p53, 1, 0x1p-400) == sign * 0x1.0000000000001p53)
      #expect(total(0x1p53, 3, -0x1p-400) == sign * 0x1.0000000000001p53)
      #expect(total(0x1p53, 1, -0x1p-400) == sign * 0x1p53)
      // A carry through all bits.
      #expect(total(0x1.fffffffffffffp52, 0.5) == sign * 0x1p53)
      #expect(total(0x1.fffffffffffffp300, 0x1p247) == sign * 0x1p301)
    }
  }

  @Test func cancellationLeavesTheExactRest() {
    #expect(sum(1e100, 1, -1e100) == 1)
    #expect(sum(-1e100, -0x1p-400, 1e100) == -0x1p-400)
    #expect(sum(1e100, 3, -1e100, -5) == -2)
    #expect(sum(0.1, 0.2, -0.3) == 0x1p-55)
  }

  @Test func zeroIsPositive() {
    for zero in [sum(), sum(-0.0), sum(0, -0.0), sum(7, -7), sum(-1e-30, 1e-30)] {
      #expect(zero.bitPattern == 0)
    }
  }

  /// Below 2⁻⁴¹⁶ there is nothing; squares of Float32's least values are far above.
  @Test func termsBelowTheSmallestPowerAreCut() {
    let least = Double(Float.leastNonzeroMagnitude)
    #expect(sum(least * least, least * least) == 2 * least * least)
    #expect(sum(0x1p-416, 0x1p-416, 0x1p-416) == 3 * 0x1p-416)
    #expect(
      sum(0x1p-417, 0x1p-417) == 0 && sum(.leastNonzeroMagnitude, -.leastNonzeroMagnitude) == 0)
    #expect(sum(.leastNonzeroMagnitude, 1) == 1 && sum(0x1p-1023, 0x1p-1022, -1) == -1)
    // Each term is cut by itself, so the order does not matter.
    #expect(
      sum(0x1.8p-416, 1, 0x1.8p-416, -1) == 0x1p-415
        && sum(1, -1, 0x1.8p-416, 0x1.8p-416) == 0x1p-415)
    #expect(sum(-0x1.8p-416) == -0x1p-416)
  }

  @Test func aSumPastTheRangeIsInfinite() {
    let largest = 0x1p415.nextDown
    #expect(sum(largest, largest) == 2 * largest && sum(-largest, -largest) == -2 * largest)
    // A total past the range is infinite; a total that returns into the range is exact.
    #expect(
      sum(largest, largest, largest) == .infinity && sum(-largest, -largest, -largest) == -.infinity
    )
    func many(_ count: Int, of term: Double) -> [Double] { [Double](repeating: term, count: count) }
    #expect(value(words(many(4096, of: largest) + many(4094, of: -largest) + [3])) == 2 * largest)
    #expect(value(words(many(4096, of: -largest) + many(4096, of: largest) + [3])) == 3)
    // The square of Float32's largest value, a billion times.
    let square = Double(Float.greatestFiniteMagnitude) * Double(Float.greatestFiniteMagnitude)
    #expect(sum(square * 1e9, 1) == square * 1e9)
    for term in [0x1p415, 1e200, .infinity, -.infinity, .nan, .greatestFiniteMagnitude] {
      #expect(sum(1, term, 2).isNaN && sum(-term, 1).isNaN && sum(term, -term).isNaN)
    }
  }

  /// A ledger's sums are these: reduced in any grouping they have the same words.
  @Test func ledgersAddUp() {
    var numbers = SplitMix(state: 4)
    let terms = (0..<90).map { _ in
      (numbers.unit() - 0.5)
        * Double(sign: .plus, exponent: Int(numbers.next() % 200) - 100, significand: 1)
    }
    var oracle = PowerCounts()
    for term in terms { oracle.add(term) }
    for ranks in [1, 2, 3, 4, 5, 8] {
      var ledgers = (0..<ranks).map { _ in NormLedger(LedgerLayout(tensorCount: 2)) }
      for (index, term) in terms.enumerated() {
        ledgers[index % ranks].add(term, to: .squares, of: 1)
        ledgers[index % ranks].add(term, to: .loss)
      }
      let total = combined(ledgers)
      #expect(
        total[.squares, 1] == oracle.value && total[.loss] == oracle.value
          && total[.squares, 0] == 0)
    }
  }
}
