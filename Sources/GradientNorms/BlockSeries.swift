/// A series of any length kept as at most 256 block means of equally many steps: bounded memory, the whole run in view.
///
/// When the blocks are full, neighbours are merged and the stride doubles.
public struct BlockSeries: Sendable, Equatable, Codable {
  public static let capacity = 256
  /// Means of complete blocks, oldest first.
  public private(set) var means: [Double] = []
  /// Steps a block.
  public private(set) var stride = 1
  private var sum = 0.0
  private var count = 0

  public init() {}

  public mutating func append(_ value: Double) {
    sum += value
    count += 1
    guard count == stride else { return }
    means.append(sum / Double(count))
    (sum, count) = (0, 0)
    if means.count == Self.capacity {
      means = Swift.stride(from: 0, to: Self.capacity, by: 2).map { (means[$0] + means[$0 + 1]) / 2 }
      stride *= 2
    }
  }
}

/// A straight line fitted to equally spaced values by least squares, with the standard error of its slope.
public struct Trend: Sendable, Equatable {
  /// Change from one value to the next.
  public let slope: Double
  public let standardError: Double
  public let mean: Double
  public let count: Int

  /// Nil with fewer than three values.
  public init?(_ values: some Collection<Double>) {
    guard values.count >= 3 else { return nil }
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let centre = (n - 1) / 2
    let spread = n * (n * n - 1) / 12
    let slope = values.enumerated().reduce(0) { $0 + (Double($1.offset) - centre) * ($1.element - mean) } / spread
    let residual = values.enumerated().reduce(0) { sum, item in
      let error = item.element - mean - slope * (Double(item.offset) - centre)
      return sum + error * error
    }
    self.slope = slope
    self.mean = mean
    count = values.count
    standardError = (residual / (n - 2) / spread).squareRoot()
  }

  /// The fitted change over all values, and the half-width of its interval at two standard errors.
  public var change: (value: Double, halfWidth: Double) {
    (slope * Double(count - 1), 2 * standardError * Double(count - 1))
  }
}
