import Files

/// An array in NumPy's format, versions 1 to 3, in C order: opened and checked, to be read row by
/// row.
///
/// The file's size must be the one that its header declares, so that nothing is allocated that a
/// damaged file merely claims. (NumPy's `numpy.lib.format`; "NEP 1".)
public struct NpyFile: Sendable {
  public enum Element: String, Sendable, CaseIterable {
    case float32 = "<f4"
    case float64 = "<f8"
    case uint8 = "|u1"
    case int32 = "<i4"
    case int64 = "<i8"

    var byteCount: Int {
      switch self {
      case .float64, .int64: 8
      case .float32, .int32: 4
      case .uint8: 1
      }
    }

    var isInteger: Bool { self != .float32 && self != .float64 }
  }

  public let element: Element
  /// At least one dimension, none of them 0; the first counts the rows.
  public let shape: [Int]
  let content: NpyContent
  /// Where the elements begin.
  let start: Int

  public var path: String { content.path }
  public var rowCount: Int { shape[0] }
  /// Elements of a row.
  public var width: Int { shape.dropFirst().reduce(1, *) }
  var rowByteCount: Int { width * element.byteCount }

  /// The longest header that is read: NumPy's own limit is 10 000 bytes.
  static let longestHeader = 1 << 16

  /// A file with one array.
  /// - Throws: when it cannot be opened, is no .npy file of a type that can be read, or not as long
  ///   as its header says.
  public init(path: String) throws(FileError) { try self.init(NpyContent(path: path)) }

  init(_ content: NpyContent) throws(FileError) {
    self.content = content
    func damaged(at offset: Int, _ what: String) -> FileError {
      content.failure(at: offset, what, remedy: "write the file again")
    }
    if content.byteCount == 0 { throw damaged(at: 0, "is empty") }
    var prefix = [UInt8](repeating: 0, count: 12)
    let got = min(prefix.count, content.byteCount)
    try content.fill(&prefix, count: got, at: 0)
    guard got >= 6, prefix[..<6].elementsEqual([0x93] + "NUMPY".utf8) else {
      let isArchive = got >= 4 && prefix[..<4].elementsEqual([0x50, 0x4B, 3, 4])
      throw content.failure(
        at: 0,
        isArchive ? "is an archive (.npz?)" : "is not a .npy file, which starts with \\x93NUMPY",
        remedy: "write one array with numpy.save")
    }
    guard got >= 10, prefix[6] == 1 || got == 12 else {
      throw damaged(at: got, "ends inside the header")
    }
    guard (1...3).contains(prefix[6]), prefix[7] == 0 else {
      throw content.failure(
        at: 6, "has version \(prefix[6]).\(prefix[7]) of the format",
        remedy: "1.0, 2.0 and 3.0 can be read")
    }
    let lengthBytes = prefix[6] == 1 ? 2 : 4
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(prefix[8 + $1]) << (8 * $1) }
    let headerStart = 8 + lengthBytes
    guard length <= Self.longestHeader else {
      throw damaged(
        at: 8, "declares a header of \(length) bytes, at most \(Self.longestHeader) are read")
    }
    guard headerStart + length <= content.byteCount else {
      throw damaged(at: content.byteCount, "ends inside the header of \(length) bytes")
    }
    var header = [UInt8](repeating: 0, count: length)
    try content.fill(&header, count: length, at: headerStart)
    start = headerStart + length

    let fields = try NpyHeader(header, at: headerStart, of: content)
    guard let element = Element(rawValue: fields.type) ?? (fields.type == "<u1" ? .uint8 : nil)
    else {
      let remedy =
        fields.type.contains("O")
        ? "it holds pickled Python objects: save numbers instead"
        : "save one of \(Element.allCases.map(\.rawValue).joined(separator: ", "))"
      throw content.failure(
        at: fields.typeOffset, "has elements of type '\(fields.type)'", remedy: remedy)
    }
    guard !fields.isFortran else {
      throw content.failure(
        at: fields.orderOffset, "is in Fortran order",
        remedy: "save numpy.ascontiguousarray(array)")
    }
    guard !fields.shape.isEmpty else {
      throw content.failure(
        at: fields.shapeOffset, "is a single number", remedy: "save an array of rows")
    }
    var size = element.byteCount
    for dimension in fields.shape {
      if dimension == 0 {
        throw content.failure(
          at: fields.shapeOffset, "has no elements: a dimension is 0",
          remedy: "save an array of rows")
      }
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      if overflow {
        throw damaged(at: fields.shapeOffset, "declares more bytes than a file can hold")
      }
      size = product
    }
    let held = content.byteCount - start
    guard held == size else {
      throw damaged(
        at: held < size ? content.byteCount : start + size,
        "\(held < size ? "ends here" : "goes on"): \(size) bytes of data declared, \(held) present")
    }
    guard fields.shape[0] <= Int(UInt32.max) else {
      throw content.failure(
        at: fields.shapeOffset, "has more rows than can be numbered", remedy: "divide it")
    }
    self.element = element
    shape = fields.shape
  }

  /// An element's place in the array's file.
  func offset(row: Int, column: Int) -> Int {
    start + row * rowByteCount + column * element.byteCount
  }

  /// An error about an element.
  func failure(row: Int, column: Int = 0, _ what: String, remedy: String) -> FileError {
    content.failure(at: offset(row: row, column: column), what, remedy: remedy)
  }

  /// Reads a row, as many bytes as it has, into `bytes`.
  func read(row: Int, into bytes: UnsafeMutableRawBufferPointer) throws(FileError) {
    try content.fill(bytes, at: start + row * rowByteCount)
  }
}
