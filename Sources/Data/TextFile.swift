import Files

/// A file of text, any bytes at all, plain or gzip: opened, to be counted and then read as a
/// ``Text``.
///
/// A plain file is never held in memory: samples are read from it as they are drawn, so that the
/// system's cache of files, which all ranks of a node share, is the only copy. A gzip file cannot
/// be read in the middle, so ``load(into:)`` unpacks it once.
public struct TextFile: Sendable {
  public let isGzip: Bool
  let file: InputFile
  /// The most bytes of a text, as its file lies: a minute's reading of a fast disk, which several
  /// ranks share.
  static let largest = 64 << 30

  public var path: String { file.path }

  /// - Throws: when it cannot be opened or is empty.
  public init(path: String) throws(FileError) {
    file = try Self.open(path, "text")
    isGzip = try file.isGzip()
  }

  /// Opens a file of text or tokens, as `what` calls it, which is not empty and not larger than one
  /// may be.
  static func open(_ path: String, _ what: String) throws(FileError) -> InputFile {
    let file = try InputFile(path)
    // All of it is read before the first step, to learn its bytes: a file of holes would be read
    // for hours without a word.
    guard file.byteCount <= largest else {
      throw FileError(
        path, "has \(file.byteCount) bytes; a text has at most \(largest >> 30) GiB",
        remedy: "divide it")
    }
    if file.byteCount == 0 {
      throw FileError(path, at: 0, "is empty", remedy: "give a file of \(what)")
    }
    return file
  }

  /// How often each of the 256 bytes occurs in one of `parts` parts of the text; the parts' sums
  /// are the text's. Of a gzip file, whose middle cannot be found without its beginning, part 0 is
  /// the whole.
  public func counts(ofPart part: Int = 0, of parts: Int = 1) throws(FileError) -> [Int] {
    precondition(part >= 0 && part < parts, "there is no part \(part) of \(parts)")
    var counts = [Int](repeating: 0, count: 256)
    try scan(part, of: parts) { _, bytes in
      for byte in bytes { counts[Int(byte)] += 1 }
      return true
    }
    return counts
  }

  /// Checks that a part of the text, as ``counts(ofPart:of:)`` cuts it, holds no byte that a
  /// vocabulary lacks.
  public func check(
    against vocabulary: Vocabulary, of training: String, part: Int = 0, of parts: Int = 1
  ) throws(FileError) {
    var unseen: (offset: Int, byte: UInt8)?
    try scan(part, of: parts) { offset, bytes in
      guard let index = bytes.firstIndex(where: { vocabulary.tokens[Int($0)] < 0 }) else {
        return true
      }
      unseen = (offset + index, bytes[index])
      return false
    }
    guard let unseen else { return }
    throw failure(
      at: unseen.offset,
      "the byte \(describe(unseen.byte)) does not occur in \(training), whose bytes are the model's vocabulary",
      remedy: "remove it here or train on a text that has it")
  }

  /// Unpacks a gzip file into `memory`, which is as long as its text.
  public func load(into memory: UnsafeMutableRawBufferPointer) throws(FileError) {
    let content = file.content(isGzip: isGzip)
    let count = try content.read(into: memory)
    let beyond = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { beyond.deallocate() }
    let more = try content.read(into: beyond)
    guard count == memory.count, more == 0 else {
      throw FileError(
        path, at: content.offset,
        "\(memory.count) bytes of text were counted, \(more == 0 ? "\(count)" : "more") are here now",
        remedy: "use one unchanging file, the same on every host")
    }
  }

  /// An error about the text: its offset is said to be one of the unpacked text where the file is
  /// compressed.
  func failure(at offset: Int, _ what: String, remedy: String) -> FileError {
    FileError(
      path, at: offset, what + (isGzip ? " (byte of the decompressed text)" : ""), remedy: remedy)
  }

  /// Hands a part's bytes over in blocks, each with its offset, until `body` returns false.
  private func scan(_ part: Int, of parts: Int, _ body: (Int, UnsafeRawBufferPointer) -> Bool)
    throws(FileError)
  {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { block.deallocate() }
    if isGzip {
      if part > 0 { return }
      let content = file.content(isGzip: true)
      var offset = 0
      while true {
        let count = try content.read(into: block)
        if count == 0 || !body(offset, UnsafeRawBufferPointer(rebasing: block[..<count])) { return }
        offset += count
      }
    }
    let (each, extra) = file.byteCount.quotientAndRemainder(dividingBy: parts)
    var offset = part * each + min(part, extra)
    let end = offset + each + (part < extra ? 1 : 0)
    while offset < end {
      let wanted = UnsafeMutableRawBufferPointer(rebasing: block[..<min(block.count, end - offset)])
      let count = try file.read(into: wanted, at: offset)
      guard count == wanted.count else {
        throw FileError(
          path, at: offset + count, "the file ends here, \(file.byteCount) bytes were expected",
          remedy: "do not change it")
      }
      if !body(offset, UnsafeRawBufferPointer(wanted)) { return }
      offset += count
    }
  }
}

/// A byte as a message shows it: the character where it is one, and its value.
func describe(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16, uppercase: true)
  let value = "0x" + (digits.count < 2 ? "0" : "") + digits
  return 0x21...0x7E ~= byte ? "'\(Character(UnicodeScalar(byte)))' (\(value))" : value
}
