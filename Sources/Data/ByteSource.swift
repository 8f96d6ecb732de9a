import Files

/// The content of a file from its beginning on, decompressed if it is gzip.
protocol ByteSource: AnyObject {
  /// How much of the file itself has been consumed, for error messages.
  var offset: Int { get }
  /// Fills `buffer` and returns the bytes written: fewer than asked for only at the proper end of
  /// the content.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int
}

extension InputFile {
  /// Recognises gzip by its two magic bytes, whatever the name.
  func isGzip() throws(FileError) -> Bool {
    let magic = UnsafeMutableRawBufferPointer.allocate(byteCount: 2, alignment: 1)
    defer { magic.deallocate() }
    return try read(into: magic, at: 0) == 2 && magic[0] == 0x1F && magic[1] == 0x8B
  }

  func content(isGzip: Bool) -> any ByteSource {
    isGzip ? InflatedBytes(gzip: self) : PlainBytes(self)
  }
}

/// A file's bytes as they are.
final class PlainBytes: ByteSource {
  private let file: InputFile
  private(set) var offset = 0

  init(_ file: InputFile) { self.file = file }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    let count = try file.read(into: buffer, at: offset)
    offset += count
    return count
  }
}
