import Files

/// A file of tokens as nanoGPT prepares them (`train.bin`): unsigned numbers of 16 bits,
/// little-endian, and nothing else.
///
/// It is never held in memory: samples are read from it as they are drawn.
public struct TokenFile: Sendable {
  let file: InputFile

  public var path: String { file.path }
  /// Tokens.
  public var count: Int { file.byteCount / 2 }

  /// - Throws: when it cannot be opened, is empty, larger than a text may be or of an odd size.
  public init(path: String) throws(FileError) {
    file = try TextFile.open(path, "tokens")
    guard file.byteCount % 2 == 0 else {
      throw FileError(
        path, at: file.byteCount - 1, "ends inside a token: each is two bytes",
        remedy: "write it as numpy.uint16, or fetch it again")
    }
  }

  /// The largest token in one of `parts` parts, which together are the file.
  public func largest(ofPart part: Int = 0, of parts: Int = 1) throws(FileError) -> Int {
    var largest: UInt16 = 0
    _ = try firstBlock(in: part, of: parts) { tokens in
      for token in tokens { largest = max(largest, UInt16(littleEndian: token)) }
      return false
    }
    return Int(largest)
  }

  /// Refuses a part that has a token of `vocabulary` or more; `remedy` says what to do.
  public func check(below vocabulary: Int, remedy: String, part: Int = 0, of parts: Int = 1)
    throws(FileError)
  {
    var wrong: (place: Int, token: UInt16)?
    let block = try firstBlock(in: part, of: parts) { tokens in
      guard let place = tokens.firstIndex(where: { Int(UInt16(littleEndian: $0)) >= vocabulary })
      else { return false }
      wrong = (place, UInt16(littleEndian: tokens[place]))
      return true
    }
    guard let block, let wrong else { return }
    throw FileError(
      path, at: 2 * (block + wrong.place),
      "token \(wrong.token) is none of a vocabulary of \(vocabulary)", remedy: remedy)
  }

  /// Reads a part block by block until `found` says so, and returns the index of that block's first
  /// token.
  private func firstBlock(
    in part: Int, of parts: Int, _ found: (UnsafeBufferPointer<UInt16>) -> Bool
  ) throws(FileError) -> Int? {
    precondition(part >= 0 && part < parts, "there is no part \(part) of \(parts)")
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { block.deallocate() }
    let range = part * count / parts..<(part + 1) * count / parts
    for first in stride(from: range.lowerBound, to: range.upperBound, by: block.count / 2) {
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: block[..<(2 * min(block.count / 2, range.upperBound - first))])
      try file.fill(bytes, at: 2 * first)
      if found(UnsafeBufferPointer(bytes.bindMemory(to: UInt16.self))) { return first }
    }
    return nil
  }
}
