import Files

/// Where an array in NumPy's format is: in a file of its own, in a part of one, or unpacked in
/// memory.
struct NpyContent: @unchecked Sendable {
  /// The file that messages name.
  let path: String
  /// The member of an archive; nil for a file of its own.
  let member: String?
  let byteCount: Int
  private let place: Place

  private enum Place {
    case file(InputFile, first: Int)
    // Nothing writes to the bytes once an array is read from them, so threads may all read them.
    case memory(UnsafeRawBufferPointer, owner: (any AnyObject & Sendable)?)
  }

  /// A whole file.
  init(path: String) throws(FileError) {
    let file = try InputFile(path)
    (self.path, member, byteCount) = (path, nil, file.byteCount)
    place = .file(file, first: 0)
  }

  /// A member of an archive, as it lies there.
  init(_ member: ZipArchive.Member, of archive: ZipArchive) {
    (path, self.member, byteCount) = (archive.file.path, member.name, member.size)
    place = .file(archive.file, first: member.start)
  }

  /// A member of an archive whose first bytes at least are in memory, which `owner` keeps alive.
  init(
    _ member: ZipArchive.Member, of archive: ZipArchive, in memory: UnsafeRawBufferPointer,
    keeping owner: any AnyObject & Sendable
  ) {
    (path, self.member, byteCount) = (archive.file.path, member.name, member.size)
    place = .memory(memory, owner: owner)
  }

  /// Whether reading may wait for a disk.
  var isFile: Bool { if case .file = place { true } else { false } }

  /// As messages that name a second array name it.
  var name: String { member.map { "\($0) of \(path)" } ?? path }

  /// Fills a buffer with the bytes from `offset` on, of which there are as many.
  func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) {
    switch place {
    case .file(let file, let first): try file.fill(buffer, at: first + offset)
    case .memory(let bytes, _):
      buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + buffer.count]))
    }
  }

  /// Fills the first `count` elements with the bytes from `offset` on.
  func fill(_ buffer: inout [UInt8], count: Int, at offset: Int) throws(FileError) {
    switch place {
    case .file(let file, let first): try file.fill(&buffer, count: count, at: first + offset)
    case .memory(let bytes, _):
      for index in 0..<count { buffer[index] = bytes[offset + index] }
    }
  }

  /// An error about the array, with the byte of the file or, of what was unpacked, of that.
  func failure(at offset: Int? = nil, _ what: String, remedy: String) -> FileError {
    let prefix = member.map { "\(isFile ? "" : "(of the decompressed array) ")\($0): " } ?? ""
    guard case .file(_, let first) = place else {
      return FileError(path, at: offset, prefix + what, remedy: remedy)
    }
    return FileError(path, at: offset.map { first + $0 }, prefix + what, remedy: remedy)
  }
}
