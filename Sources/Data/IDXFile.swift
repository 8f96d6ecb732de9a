import Files

/// A file of unsigned bytes in the IDX format (Y. LeCun's MNIST page), plain or gzip: `00 00 08 n`,
/// n big-endian UInt32 dimensions, data.
///
/// It is read in two phases: the initializer checks the header and learns the sizes,
/// ``read(into:)`` puts the data where the caller wants them. A size that the file cannot hold is
/// an error of the first phase, so nothing is allocated that a damaged file merely declares.
public struct IDXFile: Sendable {
  /// One to four, none of them zero; the first counts the samples.
  public let dimensions: [Int]
  /// The product of the dimensions: what ``read(into:)`` writes.
  public let byteCount: Int
  private let file: InputFile
  private let isGzip: Bool

  public var path: String { file.path }
  private var headerByteCount: Int { 4 + 4 * dimensions.count }

  /// Opens the file and checks its header.
  /// - Throws: when it cannot be opened, is no IDX file of bytes, or is too small or (plain) too
  ///   long for what it declares.
  public init(path: String) throws(FileError) {
    let file = try InputFile(path)
    let isGzip = try file.isGzip()
    func failure(at offset: Int, _ what: String, remedy: String) -> FileError {
      Self.failure(in: path, isGzip: isGzip, at: offset, what, remedy: remedy)
    }
    if file.byteCount == 0 {
      throw FileError(path, at: 0, "is empty", remedy: "fetch the file again")
    }

    let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 + 4 * 4, alignment: 4)
    defer { header.deallocate() }
    let content = file.content(isGzip: isGzip)
    let available = try content.read(into: UnsafeMutableRawBufferPointer(rebasing: header[..<4]))
    guard available == 4, header[0] == 0, header[1] == 0 else {
      throw failure(
        at: 0, "is not an IDX file, which starts with 00 00",
        remedy: "give an IDX file, plain or gzip")
    }
    guard header[2] == 0x08 else {
      let names: [UInt8: String] = [
        0x09: "Int8", 0x0B: "Int16", 0x0C: "Int32", 0x0D: "Float32", 0x0E: "Float64",
      ]
      let type =
        names[header[2]].map { "\($0) elements" } ?? "elements of unknown type \(header[2])"
      throw failure(at: 2, "holds \(type)", remedy: "only unsigned bytes (08) can be read")
    }
    let rank = Int(header[3])
    guard 1...4 ~= rank else {
      throw failure(at: 3, "declares \(rank) dimensions", remedy: "1 to 4 can be read")
    }
    guard
      try content.read(into: UnsafeMutableRawBufferPointer(rebasing: header[4..<4 + 4 * rank])) == 4
        * rank
    else {
      throw failure(at: 4, "ends inside the header", remedy: "fetch the file again")
    }

    var dimensions: [Int] = []
    var product = 1
    for index in 0..<rank {
      let dimension = Int(
        UInt32(bigEndian: header.loadUnaligned(fromByteOffset: 4 + 4 * index, as: UInt32.self)))
      if dimension == 0 {
        throw failure(at: 4 + 4 * index, "dimension \(index) is 0", remedy: "fetch the file again")
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      if overflow {
        throw failure(
          at: 4 + 4 * index, "declares more bytes than a file can hold",
          remedy: "fetch the file again")
      }
      product = next
      dimensions.append(dimension)
    }

    let headerByteCount = 4 + 4 * rank
    if isGzip {
      // Deflate's best ratio is 1032 to 1.
      let most = file.byteCount * 1032 + 4096
      guard product <= most else {
        throw failure(
          at: 4,
          "declares \(product) bytes, but \(file.byteCount) compressed bytes cannot hold more than \(most)",
          remedy: "fetch the file again")
      }
    } else if product != file.byteCount - headerByteCount {
      let held = file.byteCount - headerByteCount
      let (place, problem) =
        held < product ? (file.byteCount, "ends here") : (headerByteCount + product, "goes on")
      throw FileError(
        path, at: place, "\(problem): \(product) bytes of data declared, \(held) present",
        remedy: "fetch the file again")
    }
    self.file = file
    self.isGzip = isGzip
    self.dimensions = dimensions
    byteCount = product
  }

  /// Decodes all data into `buffer`, which must be ``byteCount`` bytes long, and checks that the
  /// file then ends properly.
  /// - Throws: when the file is truncated, corrupted, or longer than declared; the buffer's content
  ///   is then undefined.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) {
    guard buffer.count == byteCount else {
      fatalError("\(path) holds \(byteCount) bytes, the buffer \(buffer.count)")
    }
    let content = try data()
    let count = try content.read(into: buffer)
    guard count == byteCount else { throw endsEarly(content, present: count) }
    try checkEnd(of: content)
  }

  /// The data, to be read a piece at a time, ``byteCount`` bytes in all; ``checkEnd(of:)`` follows
  /// the last.
  func data() throws(FileError) -> any ByteSource {
    let content = file.content(isGzip: isGzip)
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: headerByteCount, alignment: 1)
    defer { scratch.deallocate() }
    _ = try content.read(into: scratch)
    return content
  }

  func endsEarly(_ content: any ByteSource, present count: Int) -> FileError {
    FileError(
      path, at: content.offset, "ends here: \(byteCount) bytes of data declared, \(count) present",
      remedy: "fetch the file again")
  }

  /// Checks that nothing follows the data; of gzip also the checksum behind them.
  func checkEnd(of content: any ByteSource) throws(FileError) {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { scratch.deallocate() }
    guard try content.read(into: scratch) == 0 else {
      throw FileError(
        path, at: content.offset, "continues after the \(byteCount) bytes of data declared",
        remedy: "fetch the file again")
    }
  }

  /// An error about the content: its offset is said to be one of the decompressed data where the
  /// file is compressed.
  func failure(at offset: Int, _ what: String, remedy: String) -> FileError {
    Self.failure(in: path, isGzip: isGzip, at: offset, what, remedy: remedy)
  }

  private static func failure(
    in path: String, isGzip: Bool, at offset: Int, _ what: String, remedy: String
  ) -> FileError {
    FileError(
      path, at: offset, isGzip ? what + " (byte of the decompressed data)" : what, remedy: remedy)
  }
}
