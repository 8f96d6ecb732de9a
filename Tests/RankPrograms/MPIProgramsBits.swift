import MPI

/// Sums of doubles that round differently in every order: all ranks must hold the same bits, near
/// the true sum.
///
/// Returns a digest of the bits, which differs between orders of summation.
func checkEqualBits(on ranks: borrowing Communicator) throws -> UInt64 {
  var digest: UInt64 = 0xcbf2_9ce4_8422_2325
  for length in [1, 2, 3, 63, 1000, 30_000] {
    let size = ranks.size
    var sums = awkward(ranks.rank, length)
    var span = sums.mutableSpan
    try ranks.allReduce(&span, .sum)
    let bits = sums.map(\.bitPattern)
    let all = try ranks.allGather(bits.span)
    for rank in 0..<size {
      try expect(
        Array(all[rank * length..<(rank + 1) * length]) == bits,
        "rank \(rank) has other bits in a sum of \(length)")
    }
    let given = (0..<size).map { awkward($0, length) }
    for position in 0..<length {
      // Any order of N − 1 additions errs by at most about (N − 1) u Σ|x|.
      let terms = given.map { $0[position] }
      let bound = Double(size) * Double.ulpOfOne * terms.reduce(0) { $0 + abs($1) }
      try expect(
        abs(sums[position] - compensatedSum(terms)) <= bound,
        "element \(position) of \(length): \(sums[position])")
    }
    for word in bits { digest = (digest ^ word) &* 0x100_0000_01b3 }
  }
  return digest
}

/// Full mantissas, exponents over forty powers of two, both signs.
private func awkward(_ rank: Int, _ count: Int) -> [Double] {
  var stream = SplitMix(state: UInt64(rank + 1) &* 0x1234_5678_9abc_def1)
  return (0..<count).map { _ in
    let word = stream.next()
    let mantissa = Double(word >> 11) / 0x1p53 + 0.5
    return (word & 1 == 0 ? mantissa : -mantissa)
      * Double(sign: .plus, exponent: Int(word >> 1 & 31) - 16, significand: 1)
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}

/// Neumaier's sum, right to the last place for so few terms.
private func compensatedSum(_ terms: [Double]) -> Double {
  var (sum, lost) = (0.0, 0.0)
  for term in terms {
    let next = sum + term
    lost += abs(sum) >= abs(term) ? (sum - next) + term : (term - next) + sum
    sum = next
  }
  return sum + lost
}
