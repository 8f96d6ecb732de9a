import Files

/// What a safetensors file holds, with the norms of its floating-point tensors; read one piece of a tensor at a time.
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
        Tensor(name: tensor.name, type: tensor.type, shape: tensor.shape, elementCount: tensor.elementCount, statistics: statistics))
    }
    self.tensors = tensors
    self.total = total
    sha256 = try file.sha256()
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.path == b.path && a.byteCount == b.byteCount && a.sha256 == b.sha256 && a.tensors == b.tensors && a.total == b.total
      && a.metadata.elementsEqual(b.metadata) { $0 == $1 }
  }
}

/// Sizes of the values of a tensor; values that are not finite are counted and left out of the rest.
public struct TensorStatistics: Sendable, Equatable {
  public private(set) var count = 0
  public private(set) var nonFinite = 0
  public private(set) var squares = 0.0
  /// max|x|
  public private(set) var largest = 0.0

  public init() {}

  public var norm: Double { squares.squareRoot() }
  public var rootMeanSquare: Double { count > nonFinite ? (squares / Double(count - nonFinite)).squareRoot() : 0 }

  mutating func take(_ value: Double) {
    count += 1
    guard value.isFinite else {
      nonFinite += 1
      return
    }
    squares += value * value
    largest = max(largest, abs(value))
  }

  func adding(_ other: TensorStatistics) -> TensorStatistics {
    var sum = self
    sum.count += other.count
    sum.nonFinite += other.nonFinite
    sum.squares += other.squares
    sum.largest = max(largest, other.largest)
    return sum
  }
}
