import Files

/// Writes a safetensors file of Float32 tensors, durably and all or nothing (see ``DurableFile``).
///
/// The header is written first, from names and shapes; then ``append(_:)`` is called with the
/// elements in the same order; then ``finish()``. Dropping the writer before leaves no trace.
public struct SafeTensorsWriter: ~Copyable {
  private var file: DurableFile
  private var digest: SHA256
  private let tensors: [(name: String, shape: [Int])]
  /// The tensor that elements are being appended to, and how many of them it still wants.
  private var current: Int
  private var wanted: Int

  /// Starts the file and writes its header, padded with spaces so that the data start at a multiple
  /// of 8 bytes.
  ///
  /// Names must differ and not be `__metadata__`: anything else traps.
  public init(
    path: String, tensors: [(name: String, shape: [Int])], metadata: [String: String] = [:]
  ) throws(FileError) {
    let names = Set(tensors.map(\.name))
    guard names.count == tensors.count, !names.contains(SafeTensorsHeader.metadataKey) else {
      fatalError(
        "the tensors of \(path) need names that differ from one another and from \(SafeTensorsHeader.metadataKey)"
      )
    }
    let header = Self.header(tensors, metadata)
    guard header.count <= SafeTensorsHeader.byteLimit else {
      throw FileError(
        path, "the header would take \(header.count) bytes, over the format's limit",
        remedy: "shorten the metadata")
    }
    let start = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header
    var file = try DurableFile(path: path)
    try file.write(start.span.bytes)
    self.file = file
    self.tensors = tensors
    digest = SHA256()
    current = 0
    wanted = tensors.first.map { $0.shape.reduce(1, *) } ?? 0
    digest.update(start.span.bytes)
    skipFullTensors()
  }

  /// Writes further elements of the current tensor, all of them or a part; never across the border
  /// of two tensors, which traps.
  public mutating func append(_ elements: Span<Float>) throws(FileError) {
    guard elements.count <= wanted else {
      fatalError(
        "\(elements.count) elements for \(current < tensors.count ? tensors[current].name : "the end"), which wants \(wanted)"
      )
    }
    try write(elements.bytes)
    wanted -= elements.count
    skipFullTensors()
  }

  /// Makes the file durable under its name and returns its SHA-256 as 64 hexadecimal digits. Traps
  /// when elements are missing.
  @discardableResult
  public consuming func finish() throws(FileError) -> String {
    guard current == tensors.count else {
      fatalError("tensor \(tensors[current].name) still wants \(wanted) elements")
    }
    try file.publish()
    return digest.finish()
  }

  /// The same, in a run directory: only where its lock is still this run's at the last moment.
  @discardableResult
  package consuming func finish(holding lock: RunLock?) throws -> String {
    guard current == tensors.count else {
      fatalError("tensor \(tensors[current].name) still wants \(wanted) elements")
    }
    try file.publish(holding: lock)
    return digest.finish()
  }

  private mutating func write(_ bytes: RawSpan) throws(FileError) {
    try file.write(bytes)
    digest.update(bytes)
  }

  private mutating func skipFullTensors() {
    while current < tensors.count && wanted == 0 {
      current += 1
      if current < tensors.count { wanted = tensors[current].shape.reduce(1, *) }
    }
  }

  private static func header(
    _ tensors: [(name: String, shape: [Int])], _ metadata: [String: String]
  ) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      // Sorted, so that the same content gives the same bytes.
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        "\(quoted($0.key)):\(quoted($0.value))"
      }
      members.append("\(quoted(SafeTensorsHeader.metadataKey)):{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.shape.reduce(1, *) * MemoryLayout<Float>.size
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    let json = Array("{\(members.joined(separator: ","))}".utf8)
    return json + [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
