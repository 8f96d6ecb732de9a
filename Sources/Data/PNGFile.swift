import CZlib
import Files

/// A picture in the PNG format (ISO/IEC 15948), not interlaced, of 1 to 16 bits a value: opened and
/// its header checked, its pixels not yet read.
///
/// Nothing is allocated that a damaged file merely declares: a size that the file cannot hold is an
/// error of the initializer.
struct PNGFile {
  enum Color: UInt8 {
    case gray = 0
    case rgb = 2
    case palette = 3
    case grayAlpha = 4
    case rgba = 6

    /// Values of a pixel.
    var channels: Int {
      switch self {
      case .gray, .palette: 1
      case .grayAlpha: 2
      case .rgb: 3
      case .rgba: 4
      }
    }
    var isGray: Bool { self == .gray || self == .grayAlpha }
    var depths: [Int] {
      switch self {
      case .gray: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      default: [8, 16]
      }
    }
  }

  let width: Int
  let height: Int
  let color: Color
  /// Bits of a value.
  let depth: Int
  let file: InputFile

  var path: String { file.path }
  /// Bytes of a row of pixels, without its filter's.
  var rowBytes: Int { (width * color.channels * depth + 7) / 8 }
  /// Bytes from a value to the same of the pixel before, as filters count them.
  var pixelBytes: Int { max(1, color.channels * depth / 8) }

  /// The largest file that is read.
  static let largest = 256 << 20
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// - Throws: when it cannot be opened, is none, is interlaced or declares what it cannot hold.
  init(path: String) throws(FileError) {
    file = try InputFile(path)
    guard file.byteCount <= Self.largest else {
      throw FileError(
        path, "has \(file.byteCount) bytes; a picture has at most \(Self.largest >> 20) MiB",
        remedy: "leave it out")
    }
    var head = [UInt8](repeating: 0, count: 33)
    let count = min(33, file.byteCount)
    try file.fill(&head, count: count, at: 0)
    guard count >= 8, head[..<8].elementsEqual(Self.signature) else {
      throw FileError(
        path, at: 0, "is no PNG picture: it does not begin as one",
        remedy: "convert it to PNG or leave it out")
    }
    guard count == 33, bigEndian(head, at: 8) == 13, head[12..<16].elementsEqual("IHDR".utf8) else {
      throw Self.damaged(path, at: 8, "has no header (IHDR) here")
    }
    guard checksum(head[12..<29]) == bigEndian(head, at: 29) else {
      throw Self.damaged(path, at: 8, "the header is corrupted: its CRC-32 is another")
    }
    (width, height, depth) = (bigEndian(head, at: 16), bigEndian(head, at: 20), Int(head[24]))
    guard 1...1 << 20 ~= width, 1...1 << 20 ~= height else {
      throw Self.damaged(path, at: 16, "declares \(width)×\(height) pixels")
    }
    guard let color = Color(rawValue: head[25]), color.depths.contains(depth) else {
      throw Self.damaged(path, at: 24, "declares \(depth) bits of colour type \(head[25])")
    }
    self.color = color
    guard head[26] == 0, head[27] == 0, head[28] <= 1 else {
      throw Self.damaged(path, at: 26, "is compressed, filtered or interlaced in an unknown way")
    }
    guard head[28] == 0 else {
      throw FileError(
        path, at: 28, "is interlaced, which is not read",
        remedy: "save it without interlacing (Adam7)")
    }
    // Deflate makes a thousandth of a file at best.
    guard height * (rowBytes + 1) / 1032 <= file.byteCount else {
      throw Self.damaged(
        path, at: 16,
        "declares \(width)×\(height) pixels, which \(file.byteCount) bytes cannot hold"
      )
    }
  }

  static func damaged(_ path: String, at offset: Int, _ what: String) -> FileError {
    FileError(path, at: offset, what, remedy: "use another copy of the file, or leave it out")
  }

  func damaged(at offset: Int, _ what: String) -> FileError {
    Self.damaged(path, at: offset, what)
  }

  /// What a file holds: each row's filter and bytes, and the colours of a palette, three bytes each.
  struct Content {
    var rows: [UInt8]
    var palette: ArraySlice<UInt8> = []
    /// Where its first compressed pixels lie in the file, for messages.
    var offset = 0
  }

  /// Reads the whole file, checks its CRC-32s and decompresses the pixels.
  func content() throws(FileError) -> Content {
    let bytes = try file.all(limit: Self.largest)
    var content = Content(rows: [UInt8](repeating: 0, count: height * (rowBytes + 1)))
    let inflater = Inflater()
    var place = 33
    while true {
      guard bytes.count - place >= 12, case let length = bigEndian(bytes, at: place),
        length <= bytes.count - place - 12
      else { throw damaged(at: place, "ends within a chunk that begins here") }
      let data = place + 8..<place + 8 + length
      let name = bytes[place + 4..<place + 8]
      guard checksum(bytes[place + 4..<data.upperBound]) == bigEndian(bytes, at: data.upperBound)
      else { throw damaged(at: place, "a chunk is corrupted: its CRC-32 is another") }
      if name.elementsEqual("IDAT".utf8) {
        if content.offset == 0 { content.offset = place }
        if let reason = inflater.add(bytes[data], to: &content.rows) {
          throw damaged(at: place, "the compressed pixels are corrupted (\(reason))")
        }
      } else if name.elementsEqual("PLTE".utf8) {
        content.palette = bytes[data]
      } else if name.elementsEqual("IEND".utf8) {
        break
      } else if name.first! & 0x20 == 0 {
        throw damaged(at: place, "has a chunk that is needed and not known")
      }
      place = data.upperBound + 4
    }
    guard inflater.isComplete, inflater.count == content.rows.count else {
      throw damaged(
        at: place, "has \(inflater.count) of \(content.rows.count) bytes of pixels")
    }
    guard color != .palette || content.palette.count >= 3 else {
      throw damaged(at: place, "has no palette")
    }
    return content
  }
}

/// A big-endian number of four bytes.
private func bigEndian(_ bytes: [UInt8], at place: Int) -> Int {
  bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
}

private func checksum(_ bytes: ArraySlice<UInt8>) -> Int {
  bytes.withUnsafeBufferPointer { Int(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
}

/// zlib data (RFC 1950) that comes in parts; zlib checks their Adler-32.
private final class Inflater {
  // zlib keeps the address of its stream, so it may not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private(set) var isComplete = false
  /// Bytes so far.
  private(set) var count = 0

  init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { fatalError("zlib cannot start: status \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Decompresses a part into the bytes after those so far; what is wrong with it, else nil.
  func add(_ part: ArraySlice<UInt8>, to bytes: inout [UInt8]) -> String? {
    if part.isEmpty { return nil }
    if isComplete { return "more follows their end" }
    return part.withUnsafeBufferPointer { input in
      bytes.withUnsafeMutableBufferPointer { output in
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress!)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress! + count
        stream.pointee.avail_out = UInt32(output.count - count)
        let status = inflate(stream, Z_NO_FLUSH)
        count = output.count - Int(stream.pointee.avail_out)
        isComplete = status == Z_STREAM_END
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
          return stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
        }
        if stream.pointee.avail_in > 0 {
          return isComplete ? "more follows their end" : "there are more than the header says"
        }
        return nil
      }
    }
  }
}
