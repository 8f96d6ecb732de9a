import CVectorKernels

// Sums over a range, in Double lanes: no Float32 input overflows or underflows them.
extension FlatVector {
  /// Σ x² of each part.
  public borrowing func squares(in parts: [TensorLayout.Part]) -> [Double] {
    var sums: [Double] = []
    sums.reserveCapacity(parts.count)
    for part in parts { sums.append(squaredNorm(in: part.range)) }
    return sums
  }

  /// Σ|x|
  public borrowing func sumOfAbsolutes(in range: Range<Int>) -> Double {
    check(range)
    return cvk_sum_of_absolutes(base + range.lowerBound, range.count)
  }

  /// Σ(|x|/unit)ᵖ; the unit, a power of two, keeps high powers in range.
  public borrowing func sumOfPowers(_ p: Double, unit: Double = 1, in range: Range<Int>) -> Double {
    check(range)
    return p == 1 && unit == 1
      ? cvk_sum_of_absolutes(base + range.lowerBound, range.count)
      : cvk_sum_of_powers(base + range.lowerBound, range.count, p, unit)
  }

  /// max|x|; a NaN does not count.
  public borrowing func largestAbsolute(in range: Range<Int>) -> Double {
    check(range)
    return cvk_largest_absolute(base + range.lowerBound, range.count)
  }

  /// Σ x·y
  public borrowing func product(with other: borrowing FlatVector, in range: Range<Int>) -> Double {
    check(range)
    other.check(range)
    return cvk_dot(base + range.lowerBound, other.base + range.lowerBound, range.count)
  }

  /// Σ(x − y)²
  public borrowing func squaredDistance(to other: borrowing FlatVector, in range: Range<Int>)
    -> Double
  {
    check(range)
    other.check(range)
    return cvk_squared_distance(base + range.lowerBound, other.base + range.lowerBound, range.count)
  }

  /// 64 bits in which any changed bit shows with near certainty.
  public borrowing func fingerprint() -> UInt64 { cvk_digest(base, count) }

  public borrowing func fingerprint(in range: Range<Int>) -> UInt64 {
    check(range)
    return cvk_digest(base + range.lowerBound, range.count)
  }
}

// Elementwise changes of a range.
extension FlatVector {
  /// Limits every element to ±limit and returns the sum of the squares left.
  public mutating func clamp(to limit: Double, in range: Range<Int>) -> Double {
    check(range)
    return cvk_clamp(base + range.lowerBound, Float(limit), range.count)
  }

  public mutating func scale(by factor: Double, in range: Range<Int>) {
    check(range)
    cvk_scale(base + range.lowerBound, Float(factor), range.count)
  }

  /// self ← own·self + others·other
  public mutating func combine(
    own: Double, with other: borrowing FlatVector, times others: Double, in range: Range<Int>
  ) {
    check(range)
    other.check(range)
    cvk_combine(
      base + range.lowerBound, other.base + range.lowerBound, Float(own), Float(others), range.count
    )
  }

  /// Adds the gradient of l1·Σ|w| + ½·l2·Σw² and returns that penalty.
  public mutating func addPenaltyGradient(
    of weights: borrowing FlatVector, l1: Double, l2: Double, in range: Range<Int>
  ) -> Double {
    check(range)
    weights.check(range)
    return cvk_penalize(
      base + range.lowerBound, weights.base + range.lowerBound, Float(l1), Float(l2), range.count)
  }
}
