/// A sum of Doubles of usual size without rounding: the same bits in whatever order, and in whatever
/// groups, its terms are added; shorter than an ``ExactSum``.
///
/// A fixed-point number from 2⁻⁶⁴ to 2⁹⁵, in 5 limbs of 32 bits held in 64-bit words, so that 2³¹
/// terms can be added before a carry must be passed on, and two sums are added word by word: by
/// MPI_SUM, say. What a term has below 2⁻⁶⁴ is cut off, of each term for itself, so the order still
/// does not matter. A term of 2⁹⁴ or more, or one that is not finite, makes the sum NaN.
package enum FixedPointSum {
  /// The words of one sum: the limbs, lowest first, and a count of terms that did not fit.
  package static let wordCount = limbCount + 1
  private static let limbCount = 5

  /// Adds a term.
  package static func add(_ term: Double, to words: UnsafeMutablePointer<Int64>) {
    if term == 0 { return }
    guard abs(term) < 0x1p94 else {
      words[limbCount] += 1
      return
    }
    // The highest limb is a whole number below 2³¹; what is left of a Double after each is exact.
    var rest = abs(term)
    var unit = 0x1p64
    for limb in stride(from: limbCount - 1, through: 0, by: -1) {
      let digit = (rest / unit).rounded(.down)
      rest -= digit * unit
      unit *= 0x1p-32
      words[limb] += term < 0 ? -Int64(digit) : Int64(digit)
    }
  }

  /// The sum, a function of the words; NaN if any term did not fit.
  package static func value(of words: UnsafePointer<Int64>) -> Double {
    if words[limbCount] != 0 { return .nan }
    // Of a negative number, the opposite: what follows the point of a small one would round to 1.
    let sum = parts(of: words, sign: 1)
    guard sum.whole < 0 else { return Double(sum.whole) + Double(sum.fraction) * 0x1p-64 }
    let opposite = parts(of: words, sign: -1)
    return -(Double(opposite.whole) + Double(opposite.fraction) * 0x1p-64)
  }

  /// The whole number below the sum, or below its opposite, and what follows its point, in units of
  /// 2⁻⁶⁴: the carries are passed on, so that the lowest limbs are 0 … 2³²−1.
  private static func parts(of words: UnsafePointer<Int64>, sign: Int64) -> (
    whole: Int128, fraction: UInt64
  ) {
    let low = sign * words[0]
    let next = sign * words[1] + low >> 32
    let whole =
      Int128(sign) * (Int128(words[2]) + Int128(words[3]) << 32 + Int128(words[4]) << 64)
      + Int128(next >> 32)
    return (whole, UInt64(next & 0xFFFF_FFFF) << 32 | UInt64(low & 0xFFFF_FFFF))
  }
}
