import Files

/// What a safetensors file holds, with the norms of its floating-point tensors; read one piece of a
/// tensor at a time.
public struct TensorFileSummary: Sendable, Equatable {
  public struct Tensor: Sendable, Equatable {
    public let name: String
    public let type: ElementType
    /// Row-major; empty for a scalar.
    public let shape: [Int]
    public let elementCount: Int
    /// Nil for types whose values are not looked at.
    public let statistics: TensorStatistics?
  }

  public let path: String
  public let byteCount: Int
  public let sha256: String
  /// Sorted by key.
  public let metadata: [(key: String, value: String)]
  /// In the order of the data.
  public let tensors: [Tensor]
  /// Of all tensors that have statistics; nil where none has.
  public let total: TensorStatistics?

  public var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

  /// - Throws: when the file cannot be read or breaks a rule of the format.
  public init(path: String) throws(FileError) {
    let file = try SafeTensors(path: path)
    self.path = path
    byteCount = file.byteCount
    metadata = file.metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    var tensors: [Tensor] = []
    var total: TensorStatistics?
    for tensor in file.tensors {
      let statistics = try file.statistics(of: tensor)
      if let statistics { total = (total ?? TensorStatistics()).adding(statistics) }
      tensors.append(
        Tensor(
          name: tensor.name, type: tensor.type, shape: tensor.shape,
          elementCount: tensor.elementCount, statistics: statistics))
    }
    self.tensors = tensors
    self.total = total
    sha256 = try file.sha256()
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.path == b.path && a.byteCount == b.byteCount && a.sha256 == b.sha256 && a.tensors == b.tensors
      && a.total == b.total
      && a.metadata.elementsEqual(b.metadata) { $0 == $1 }
  }
}

/// Sizes of the values of a tensor; values that are not finite are counted and left out of the
/// rest.
///
/// Squares of values that would overflow or vanish are summed apart, scaled by powers of two (J. L.
/// Blue, ACM TOMS 4 (1978) 15).
public struct TensorStatistics: Sendable, Equatable {
  public private(set) var count = 0
  public private(set) var nonFinite = 0
  /// max|x|
  public private(set) var largest = 0.0
  /// Σx² of the others.
  package private(set) var squares = 0.0
  /// Σ(x·2⁻⁵¹²)² of values of 2⁴⁹⁶ and more, Σ(x·2⁵¹²)² of those below 2⁻⁴⁹⁶.
  private var (largeSquares, smallSquares) = (0.0, 0.0)

  public init() {}

  /// √Σx²
  public var norm: Double { root(per: 1) }
  public var rootMeanSquare: Double { count > nonFinite ? root(per: Double(count - nonFinite)) : 0 }

  private func root(per number: Double) -> Double {
    if largeSquares > 0 {
      return ((largeSquares + squares * 0x1p-1022 * 0x1p-2) / number).squareRoot() * 0x1p512
    }
    return squares > 0
      ? (squares / number).squareRoot() : (smallSquares / number).squareRoot() * 0x1p-512
  }

  mutating func take(_ value: Double) {
    count += 1
    guard value.isFinite else {
      nonFinite += 1
      return
    }
    let size = abs(value)
    if size >= 0x1p496 {
      largeSquares += size * 0x1p-512 * (size * 0x1p-512)
    } else if size >= 0x1p-496 {
      squares += size * size
    } else {
      smallSquares += size * 0x1p512 * (size * 0x1p512)
    }
    largest = max(largest, size)
  }

  func adding(_ other: TensorStatistics) -> TensorStatistics {
    var sum = self
    sum.count += other.count
    sum.nonFinite += other.nonFinite
    sum.squares += other.squares
    sum.largeSquares += other.largeSquares
    sum.smallSquares += other.smallSquares
    sum.largest = max(largest, other.largest)
    return sum
  }
}
