import CVectorKernels

extension FlatVector {
  /// Σ x² over `range`, in Double: finite for all finite elements (Float32 squares cannot overflow
  /// it), not finite otherwise.
  public borrowing func squaredNorm(in range: Range<Int>) -> Double {
    check(range)
    return cvk_sum_of_squares(base + range.lowerBound, range.count)
  }

  public borrowing func squaredNorm() -> Double { squaredNorm(in: 0..<count) }

  public mutating func setToZero(in range: Range<Int>) {
    check(range)
    (base + range.lowerBound).update(repeating: 0, count: range.count)
  }

  public mutating func setToZero() { setToZero(in: 0..<count) }

  public mutating func scale(by factor: Float) { cvk_scale(base, factor, count) }

  public mutating func add(_ other: borrowing FlatVector) {
    precondition(
      other.count == count, "vectors of \(count) and \(other.count) elements cannot be added")
    cvk_add(base, other.base, count)
  }

  public mutating func copy(from other: borrowing FlatVector) {
    precondition(
      other.count == count,
      "a vector of \(other.count) elements cannot be copied into one of \(count)")
    base.update(from: other.base, count: count)
  }

  /// The same, of a range alone.
  public mutating func copy(from other: borrowing FlatVector, in range: Range<Int>) {
    check(range)
    other.check(range)
    (base + range.lowerBound).update(from: other.base + range.lowerBound, count: range.count)
  }

  /// Writes the elements of a range and returns the sum of their squares.
  @discardableResult
  public mutating func set(_ range: Range<Int>, to values: UnsafeBufferPointer<Float>) -> Double {
    check(range)
    precondition(
      values.count == range.count, "\(values.count) values for a range of \(range.count)")
    guard let start = values.baseAddress else { return 0 }
    return cvk_copy_with_squares(base + range.lowerBound, start, range.count)
  }

  /// Writes the sum of several vectors' elements of a range, added from the first vector to the
  /// last, and returns the sum of its squares.
  ///
  /// Each vector is given by its first element, and has this one's layout; this one may be among
  /// them.
  public mutating func set(_ range: Range<Int>, toSumOf vectors: [UnsafeMutablePointer<Float>])
    -> Double
  {
    check(range)
    return vectors.withUnsafeBytes {
      cvk_sum_with_squares(
        base, $0.baseAddress!.assumingMemoryBound(to: UnsafePointer<Float>?.self), vectors.count,
        range.lowerBound, range.count)
    }
  }

  /// Writes the sum of two runs of elements, as long as the range, and returns the sum of its
  /// squares; either may be the range itself.
  public mutating func set(
    _ range: Range<Int>, toSumOf left: UnsafePointer<Float>, and right: UnsafePointer<Float>
  ) -> Double {
    check(range)
    return withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: 2) { sources in
      sources.initialize(repeating: left)
      sources[1] = right
      return cvk_sum_with_squares(base + range.lowerBound, sources.baseAddress, 2, 0, range.count)
    }
  }

  /// Writes a tensor's elements, `values.count` of them being exactly the segment's.
  public mutating func set(_ segment: Int, to values: some Collection<Float>) {
    let range = layout.segments[segment].range
    precondition(
      values.count == range.count,
      "tensor \(layout.segments[segment].name) holds \(range.count) elements, not \(values.count)")
    for (offset, value) in values.enumerated() { base[range.lowerBound + offset] = value }
  }

  borrowing func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "range \(range) lies outside a vector of \(count) elements")
  }
}
