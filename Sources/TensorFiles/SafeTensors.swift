import Files

#if _endian(big)
  #error("safetensors are little-endian and are read as they lie")
#endif

/// A safetensors file, open and with its header checked; tensors are read one by one.
///
/// The format has no checksum: ``sha256()`` lets a manifest supply one.
public struct SafeTensors: Sendable {
  /// A tensor's place in the file.
  public struct Tensor: Sendable, Equatable {
    public let name: String
    public let type: ElementType
    /// Row-major; empty for a scalar.
    public let shape: [Int]
    /// Positions in the file.
    public let bytes: Range<Int>

    public var elementCount: Int { bytes.count / type.byteCount }
  }

  /// In the order of the data.
  public let tensors: [Tensor]
  public let metadata: [String: String]
  private let indices: [String: Int]
  private let file: InputFile

  public var path: String { file.path }
  public var byteCount: Int { file.byteCount }
  public var names: [String] { tensors.map(\.name) }

  /// Opens the file and checks its header against the file's length.
  /// - Throws: when it cannot be opened or breaks any rule of the format.
  public init(path: String) throws(FileError) {
    file = try InputFile(path)
    let header = try SafeTensorsHeader(of: file)
    tensors = header.tensors
    metadata = header.metadata
    indices = Dictionary(uniqueKeysWithValues: zip(tensors.map(\.name), tensors.indices))
  }

  public subscript(_ name: String) -> Tensor? { indices[name].map { tensors[$0] } }

  public func shape(of name: String) -> [Int]? { self[name]?.shape }

  /// The elements of a Float32 tensor.
  /// - Throws: when there is no such tensor or it has another type.
  public func floats(named name: String) throws(FileError) -> [Float] {
    let tensor = try floatTensor(name)
    var elements = [Float](repeating: 0, count: tensor.elementCount)
    try file.fill(&elements, at: tensor.bytes.lowerBound)
    return elements
  }

  /// Reads a Float32 tensor straight to where it is wanted.
  /// - Throws: also when the tensor has another number of elements than the buffer.
  public func read(_ name: String, into elements: UnsafeMutableBufferPointer<Float>) throws(FileError) {
    let tensor = try floatTensor(name)
    guard tensor.elementCount == elements.count else {
      throw FileError(
        path, at: tensor.bytes.lowerBound, "tensor \"\(name)\" has \(tensor.elementCount) elements, \(elements.count) are expected",
        remedy: "use a file of the same model")
    }
    try file.fill(UnsafeMutableRawBufferPointer(elements), at: tensor.bytes.lowerBound)
  }

  /// The sizes of a tensor's values, read a megabyte at a time; nil for a type that is neither F32 nor F64.
  func statistics(of tensor: Tensor) throws(FileError) -> TensorStatistics? {
    switch tensor.type {
    case .float32: try statistics(of: tensor, as: Float.self) { Double($0) }
    case .float64: try statistics(of: tensor, as: Double.self) { $0 }
    default: nil
    }
  }

  private func statistics<Element: BitwiseCopyable & ExpressibleByIntegerLiteral>(
    of tensor: Tensor, as type: Element.Type, value: (Element) -> Double
  ) throws(FileError) -> TensorStatistics {
    var statistics = TensorStatistics()
    var piece = [Element](repeating: 0, count: min(tensor.elementCount, 1 << 20 / MemoryLayout<Element>.stride))
    var offset = tensor.bytes.lowerBound
    while offset < tensor.bytes.upperBound {
      let count = min(piece.count, (tensor.bytes.upperBound - offset) / MemoryLayout<Element>.stride)
      try file.fill(&piece, count: count, at: offset)
      for index in 0..<count { statistics.take(value(piece[index])) }
      offset += count * MemoryLayout<Element>.stride
    }
    return statistics
  }

  /// The SHA-256 of the whole file, as 64 hexadecimal digits, taken from the same open file that the tensors are read from.
  public func sha256() throws(FileError) -> String { try SHA256.digest(of: file) }

  private func floatTensor(_ name: String) throws(FileError) -> Tensor {
    guard let tensor = self[name] else {
      let some = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
      throw FileError(
        path, "there is no tensor \"\(name)\" among the \(names.count) of this file (\(some))", remedy: "use a file of the same model")
    }
    guard tensor.type == .float32 else {
      throw FileError(
        path, at: tensor.bytes.lowerBound, "tensor \"\(name)\" is \(tensor.type.rawValue), not F32", remedy: "convert it to F32")
    }
    return tensor
  }
}
