import Files

/// The header of a safetensors file, checked as strictly as the format's description demands.
///
/// `u64 N | N bytes of JSON | data`: JSON maps a name to
/// `{"dtype", "shape", "data_offsets": [begin, end]}`, offsets counting from the start of the data,
/// and `__metadata__` to strings. Rejected are: keys that occur twice, unknown keys and types,
/// sizes that overflow, holes, overlaps, and data before or after the tensors.
struct SafeTensorsHeader: Sendable {
  /// In the order of the data.
  private(set) var tensors: [SafeTensors.Tensor] = []
  private(set) var metadata: [String: String] = [:]

  /// The reference implementation's limit.
  static let byteLimit = 100_000_000
  static let metadataKey = "__metadata__"

  init(of file: InputFile) throws(FileError) {
    func failure(at offset: Int, _ what: String) -> FileError {
      FileError(file.path, at: offset, what, remedy: "use another copy of the file")
    }
    guard file.byteCount >= 10 else {
      throw failure(
        at: file.byteCount, "ends here: \(file.byteCount) bytes are too few for a safetensors file")
    }
    var length: UInt64 = 0
    try withUnsafeMutableBytes(of: &length) { buffer throws(FileError) in
      try file.fill(buffer, at: 0)
    }
    length = UInt64(littleEndian: length)
    guard length <= UInt64(Self.byteLimit) else {
      throw failure(at: 0, "declares a header of \(length) bytes, over \(Self.byteLimit)")
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= file.byteCount else {
      throw failure(at: 0, "declares a header of \(length) bytes in a file of \(file.byteCount)")
    }
    var bytes = [UInt8](repeating: 0, count: Int(length))
    try file.fill(&bytes, at: 8)
    guard bytes.first == UInt8(ascii: "{") else {
      throw failure(at: 8, "the header does not start with {")
    }

    var scanner = JSONScanner(bytes, path: file.path, base: 8)
    var places: [Int] = []
    try scanner.object { (scanner, name, position) throws(FileError) in
      if name == Self.metadataKey {
        try scanner.object { (scanner, key, _) throws(FileError) in
          metadata[key] = try scanner.string()
        }
      } else {
        tensors.append(
          try Self.tensor(named: name, at: position, from: &scanner, dataStart: dataStart))
        places.append(8 + position)
      }
    }
    guard scanner.isAtEnd() else { throw scanner.failure("something follows the header's object") }

    // Empty tensors share their offset with a neighbour, so the end orders them too.
    let order = tensors.indices.sorted { a, b in
      (tensors[a].bytes.lowerBound, tensors[a].bytes.upperBound) < (
        tensors[b].bytes.lowerBound, tensors[b].bytes.upperBound
      )
    }
    var end = dataStart
    for index in order {
      let tensor = tensors[index]
      guard tensor.bytes.lowerBound == end else {
        let problem =
          tensor.bytes.lowerBound < end
          ? "overlaps the tensor before it" : "leaves a hole before it"
        throw failure(at: places[index], "tensor \"\(tensor.name)\" \(problem)")
      }
      end = tensor.bytes.upperBound
    }
    guard end == file.byteCount else {
      let problem = end > file.byteCount ? "ends here" : "continues after the last tensor"
      throw failure(
        at: min(end, file.byteCount),
        "\(problem): the header describes \(end) bytes, the file has \(file.byteCount)")
    }
    tensors = order.map { tensors[$0] }
  }

  private static func tensor(
    named name: String, at position: Int, from scanner: inout JSONScanner, dataStart: Int
  ) throws(FileError) -> SafeTensors.Tensor {
    var type: ElementType?
    var shape: [Int]?
    var offsets: [Int] = []
    try scanner.object { (scanner, key, keyPosition) throws(FileError) in
      switch key {
      case "dtype":
        let text = try scanner.string()
        type = ElementType(rawValue: text)
        if type == nil {
          throw scanner.failure(
            "tensor \"\(name)\" has the unknown type \"\(text)\"", at: keyPosition)
        }
      case "shape":
        var dimensions: [Int] = []
        try scanner.array { (scanner) throws(FileError) in dimensions.append(try scanner.natural())
        }
        shape = dimensions
      case "data_offsets":
        try scanner.array { (scanner) throws(FileError) in offsets.append(try scanner.natural()) }
      default:
        throw scanner.failure("tensor \"\(name)\" has the unknown key \"\(key)\"", at: keyPosition)
      }
    }
    guard let type, let shape, offsets.count == 2 else {
      throw scanner.failure(
        "tensor \"\(name)\" lacks a dtype, a shape or two data_offsets", at: position)
    }
    let overflows = scanner.failure(
      "tensor \"\(name)\" declares a shape that overflows", at: position)
    var count = 1
    for dimension in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      if overflow { throw overflows }
      count = product
    }
    // Some types fill less than a byte.
    let isWhole = type.bitCount % 8 == 0
    let (amount, overflow) = count.multipliedReportingOverflow(
      by: isWhole ? type.bitCount / 8 : type.bitCount)
    if overflow { throw overflows }
    guard isWhole || amount % 8 == 0 else {
      throw scanner.failure(
        "tensor \"\(name)\" fills \(amount) bits, not whole bytes", at: position)
    }
    let size = isWhole ? amount : amount / 8
    guard offsets[0] <= offsets[1], offsets[1] <= Int.max - dataStart,
      offsets[1] - offsets[0] == size
    else {
      throw scanner.failure(
        "tensor \"\(name)\" takes \(size) bytes by its shape, data_offsets are \(offsets)",
        at: position)
    }
    return SafeTensors.Tensor(
      name: name, type: type, shape: shape, bytes: dataStart + offsets[0]..<dataStart + offsets[1])
  }
}
