import Glibc

/// A sum of Doubles without rounding: the same bits in whatever order, and in whatever groups, its
/// terms are added.
///
/// A fixed-point number of 832 bits, from 2⁻⁴¹⁶ to 2⁴¹⁵, in 26 limbs of 32 bits held in 64-bit
/// words, so that 2³¹ terms can be added before a carry must be passed on, and two sums are added
/// word by word: by MPI_SUM, or by anything else (Kulisch's accumulator; Demmel and Nguyen 2015,
/// "Parallel Reproducible Summation", is the same idea in floating point). Squares of Float32
/// values and their sums lie well inside the range. A term above it, or not finite, makes the sum
/// NaN; a total of 2⁴¹⁶ or more is infinite. What a term has below 2⁻⁴¹⁶ is cut off, of each term
/// for itself, so the order still does not matter.
public enum ExactSum {
  /// The words of one sum: the limbs, lowest first, and a count of terms that did not fit.
  public static let wordCount = limbCount + 1
  public static let limbCount = 26
  static let limbBits = 32
  static let lowestExponent = -416

  /// Adds a term.
  public static func add(_ term: Double, to words: UnsafeMutablePointer<Int64>) {
    if term == 0 { return }
    guard abs(term) < 0x1p415 else {
      words[limbCount] += 1
      return
    }
    // |term| = significand · 2^exponent
    var significand = term.significandBitPattern
    var exponent = Int(term.exponentBitPattern) - 1075
    if term.exponentBitPattern == 0 { exponent += 1 } else { significand |= 1 << 52 }
    let shift = exponent - lowestExponent
    let (limb, offset) = shift >= 0 ? (shift / 32, shift % 32) : (0, 0)
    if shift < 0 { significand = shift > -64 ? significand >> UInt64(-shift) : 0 }
    let low = significand << UInt64(offset)
    let high = offset == 0 ? 0 : significand >> UInt64(64 - offset)
    let parts = (Int64(low & 0xFFFF_FFFF), Int64(low >> 32), Int64(high))
    if term < 0 {
      words[limb] -= parts.0
      words[limb + 1] -= parts.1
      if parts.2 != 0 { words[limb + 2] -= parts.2 }
    } else {
      words[limb] += parts.0
      words[limb + 1] += parts.1
      if parts.2 != 0 { words[limb + 2] += parts.2 }
    }
  }

  /// The sum, rounded to the nearest Double (ties to even); NaN if any term did not fit.
  ///
  /// `limbs` are those that may differ from zero.
  public static func value(
    of words: UnsafePointer<Int64>, within limbs: Range<Int> = 0..<limbCount
  ) -> Double {
    if words[limbCount] != 0 { return .nan }
    var lowest = limbs.lowerBound
    while lowest < limbs.upperBound && words[lowest] == 0 { lowest += 1 }
    if lowest == limbs.upperBound { return 0 }
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: limbCount + 1) { digits in
      /// Passes the carries on, so that every digit is 0 … 2³²−1, and returns the last one.
      func normalise(sign: Int64) -> Int64 {
        var carry: Int64 = 0
        for index in lowest..<limbs.upperBound {
          let sum = sign &* words[index] &+ carry
          digits[index] = UInt64(truncatingIfNeeded: sum & 0xFFFF_FFFF)
          carry = sum >> 32
        }
        return carry
      }
      var carry = normalise(sign: 1)
      let isNegative = carry < 0
      if isNegative { carry = normalise(sign: -1) }
      var top = limbs.upperBound
      digits[top] = UInt64(carry)
      while digits[top] == 0 && top > lowest { top -= 1 }
      if digits[top] == 0 { return 0 }
      if top == limbCount { return isNegative ? -.infinity : .infinity }
      // 64 significant bits from the three highest digits; what lies below them only breaks ties,
      // and is kept in the last bit.
      func digit(_ index: Int) -> UInt64 { index >= lowest ? digits[index] : 0 }
      let head = digits[top] << 32 | digit(top - 1)
      let free = head.leadingZeroBitCount
      var bits = head << UInt64(free) | digit(top - 2) >> UInt64(32 - free)
      var rest = digit(top - 2) & ((1 << UInt64(32 - free)) - 1)
      var below = top - 3
      while rest == 0 && below >= lowest {
        rest = digits[below]
        below -= 1
      }
      if rest != 0 { bits |= 1 }
      let magnitude = scalbn(Double(bits), Int32(32 * (top - 1) - free + lowestExponent))
      return isNegative ? -magnitude : magnitude
    }
  }
}
