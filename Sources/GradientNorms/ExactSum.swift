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
    guard let lowest = limbs.first(where: { words[$0] != 0 }) else { return 0 }
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: limbCount + 1) { buffer in
      let (digits, end) = (buffer.baseAddress!, limbs.upperBound)
      var carry = normalise(words, lowest..<end, sign: 1, into: digits)
      let isNegative = carry < 0
      if isNegative { carry = normalise(words, lowest..<end, sign: -1, into: digits) }
      digits[end] = UInt64(carry)
      var top = end
      while digits[top] == 0 && top > lowest { top -= 1 }
      if digits[top] == 0 { return 0 }
      if top == limbCount { return isNegative ? -.infinity : .infinity }
      // 64 significant bits from the three highest digits; what lies below them only breaks ties,
      // and is kept in the last bit.
      let second = top > lowest ? digits[top - 1] : 0
      let third = top > lowest + 1 ? digits[top - 2] : 0
      let head = digits[top] << 32 | second
      let free = head.leadingZeroBitCount
      var bits = head << UInt64(free) | third >> UInt64(32 - free)
      var rest = third & ((1 << UInt64(32 - free)) - 1)
      var below = top - 3
      while rest == 0 && below >= lowest {
        rest = digits[below]
        below -= 1
      }
      if rest != 0 { bits |= 1 }
      // A power of two within Double's range, so the product is exact.
      let exponent = limbBits * (top - 1) - free + lowestExponent
      let magnitude = Double(bits) * Double(bitPattern: UInt64(1023 + exponent) << 52)
      return isNegative ? -magnitude : magnitude
    }
  }

  /// Passes the carries of a range of words, or of their opposites, on, so that every digit is
  /// 0 … 2³²−1, and returns the last carry.
  @inline(__always)
  private static func normalise(
    _ words: UnsafePointer<Int64>, _ limbs: Range<Int>, sign: Int64,
    into digits: UnsafeMutablePointer<UInt64>
  ) -> Int64 {
    var carry: Int64 = 0
    for index in limbs {
      let sum = sign &* words[index] &+ carry
      digits[index] = UInt64(truncatingIfNeeded: sum & 0xFFFF_FFFF)
      carry = sum >> 32
    }
    return carry
  }
}
