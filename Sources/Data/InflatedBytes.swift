import CZlib
import Files

/// The decompressed content of a gzip file (RFC 1952), all its members one after the other, whose
/// CRC-32 and length zlib checks; or of a part of a file that is deflate data alone (RFC 1951).
final class InflatedBytes: ByteSource {
  private let file: InputFile
  // zlib keeps the address of its stream, so it may not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let chunk: UnsafeMutableRawBufferPointer
  /// What messages call the data.
  private let format: String
  private var position: Int
  private let end: Int
  private var isAtEnd = false

  /// A whole gzip file.
  convenience init(gzip file: InputFile) {
    // 15 bits of window, plus 16: gzip's wrapper and nothing else.
    self.init(file, 0..<file.byteCount, window: 15 + 16, format: "gzip")
  }

  /// A part of a file; negative bits of window mean no wrapper.
  convenience init(deflated part: Range<Int>, of file: InputFile) {
    self.init(file, part, window: -15, format: "compressed")
  }

  private init(_ file: InputFile, _ part: Range<Int>, window: Int32, format: String) {
    (self.file, self.format) = (file, format)
    (position, end) = (part.lowerBound, part.upperBound)
    chunk = .allocate(byteCount: 256 << 10, alignment: 64)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { fatalError("zlib cannot start: status \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    chunk.deallocate()
  }

  var offset: Int { position - Int(stream.pointee.avail_in) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    var done = 0
    while done < buffer.count && !isAtEnd {
      if try isOutOfInput() {
        throw FileError(
          file.path, at: offset, "the \(format) data are cut off here",
          remedy: "fetch the file again")
      }
      let room = min(buffer.count - done, Int(UInt32.max))
      stream.pointee.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self) + done
      stream.pointee.avail_out = UInt32(room)
      let status = inflate(stream, Z_NO_FLUSH)
      done += room - Int(stream.pointee.avail_out)
      switch status {
      case Z_OK, Z_BUF_ERROR: continue
      case Z_STREAM_END: try startNextMember()
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
        throw FileError(
          file.path, at: offset, "the \(format) data are corrupted (\(reason))",
          remedy: "fetch the file again")
      }
    }
    return done
  }

  private func startNextMember() throws(FileError) {
    if try isOutOfInput() {
      isAtEnd = true
      return
    }
    // Only gzip files have further members.
    guard format == "gzip", stream.pointee.next_in.pointee == 0x1F else {
      throw FileError(
        file.path, at: offset, "\(end - offset) bytes follow the end of the \(format) data",
        remedy: "fetch the file again")
    }
    inflateReset(stream)
  }

  /// Refills the chunk when it is used up; true at the end of the data.
  private func isOutOfInput() throws(FileError) -> Bool {
    if stream.pointee.avail_in > 0 { return false }
    let room = UnsafeMutableRawBufferPointer(rebasing: chunk[..<min(chunk.count, end - position)])
    let count = try file.read(into: room, at: position)
    position += count
    stream.pointee.next_in = chunk.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(count)
    return count == 0
  }
}
