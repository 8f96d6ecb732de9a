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

    /// By the shape, which the header's checks have compared with the bytes.
    public var elementCount: Int { shape.reduce(1, *) }
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

  /// The elements of a tensor of type F32, or of F64, F16 or BF16, converted: to the nearest
  /// Float32.
  /// - Throws: when there is no such tensor, it has another type, or a finite value has no finite
  ///   Float32 near it.
  public func floats(named name: String) throws(FileError) -> [Float] {
    let tensor = try self.tensor(name)
    var elements: [Float] = []
    switch tensor.type {
    case .float32:
      elements = [Float](repeating: 0, count: tensor.elementCount)
      try file.fill(&elements, at: tensor.bytes.lowerBound)
    case .float64, .float16, .bfloat16:
      elements.reserveCapacity(tensor.elementCount)
      var tooLarge: Double?
      _ = try forEachValue(of: tensor) {
        elements.append(Float($0))
        if $0.isFinite && !Float($0).isFinite { tooLarge = tooLarge ?? $0 }
      }
      if let tooLarge {
        throw FileError(
          path, at: tensor.bytes.lowerBound,
          "tensor \"\(name)\" holds \(tooLarge), too large for F32", remedy: "scale it down")
      }
    default:
      throw FileError(
        path, at: tensor.bytes.lowerBound,
        "tensor \"\(name)\" is \(tensor.type.rawValue), not F32, F64, F16 or BF16",
        remedy: "convert it to F32")
    }
    return elements
  }

  /// Reads a Float32 tensor straight to where it is wanted.
  /// - Throws: also when the tensor has another number of elements than the buffer.
  public func read(_ name: String, into elements: UnsafeMutableBufferPointer<Float>)
    throws(FileError)
  {
    let tensor = try tensor(name)
    guard tensor.elementCount == elements.count else {
      throw FileError(
        path, at: tensor.bytes.lowerBound,
        "tensor \"\(name)\" has \(tensor.elementCount) elements, \(elements.count) are expected",
        remedy: "use a file of the same model")
    }
    guard tensor.type == .float32 else {
      throw FileError(
        path, at: tensor.bytes.lowerBound, "tensor \"\(name)\" is \(tensor.type.rawValue), not F32",
        remedy: "convert it to F32")
    }
    try file.fill(UnsafeMutableRawBufferPointer(elements), at: tensor.bytes.lowerBound)
  }

  /// The sizes of a tensor's values; nil for a type whose values are not looked at.
  func statistics(of tensor: Tensor) throws(FileError) -> TensorStatistics? {
    var statistics = TensorStatistics()
    return try forEachValue(of: tensor) { statistics.take($0) } ? statistics : nil
  }

  /// Hands a tensor's bytes to `body` as integers of the machine's order, a megabyte at a time.
  func forEach<Element: FixedWidthInteger & BitwiseCopyable>(
    of tensor: Tensor, as type: Element.Type, _ body: (Element) -> Void
  ) throws(FileError) {
    let width = MemoryLayout<Element>.stride
    var piece = [Element](repeating: 0, count: min(tensor.bytes.count, 1 << 20) / width)
    var offset = tensor.bytes.lowerBound
    while offset < tensor.bytes.upperBound {
      let count = min(piece.count, (tensor.bytes.upperBound - offset) / width)
      try file.fill(&piece, count: count, at: offset)
      for index in 0..<count { body(piece[index]) }
      offset += count * width
    }
  }

  /// The SHA-256 of the whole file, as 64 hexadecimal digits, taken from the same open file that
  /// the tensors are read from.
  public func sha256() throws(FileError) -> String { try SHA256.digest(of: file) }

  private func tensor(_ name: String) throws(FileError) -> Tensor {
    guard let tensor = self[name] else {
      let some = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
      throw FileError(
        path, "there is no tensor \"\(name)\" among the \(names.count) of this file (\(some))",
        remedy: "use a file of the same model")
    }
    return tensor
  }
}
