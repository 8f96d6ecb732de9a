import Files

extension TextKind {
  /// Reads texts by a tokenizer: one rank of each node encodes, all share the tokens. Collective.
  func open(by path: String, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let tokenizer = try ranks.succeedOnAllRanks { try Tokenizer(path: path) }
    let mine = Int64(bitPattern: tokenizer.fingerprint)
    let first = try ranks.broadcast([mine])
    let file = try ranks.succeedOnAllRanks {
      guard first == [mine] else {
        throw FileError(
          path, "is another tokenizer on this host than where rank 0 runs",
          remedy: "give the same file on every host")
      }
      return try openFile()
    }
    let text = try encode(file, tokenizer, on: ranks)
    guard let path = validation.path else {
      return try ranks.succeedOnAllRanks {
        try TrainingData(text, validation: validation.fraction, of: file.path)
      }
    }
    let test = try ranks.succeedOnAllRanks { try TextFile(path: path) }
    return TrainingData(train: text, test: try encode(test, tokenizer, on: ranks))
  }

  func encode(
    _ file: TextFile, _ tokenizer: Tokenizer, on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EncodedText {
    let reads = ranks.readsForNode
    let mine = try ranks.succeedOnAllRanks { reads ? try file.tokens(by: tokenizer) : nil }
    let count = Int(try ranks.broadcast([Int64(mine?.count ?? 0)])[0])
    let memory = try ranks.sharedBytes(count: count * 4, filler: 0)
    // The agreement is also the barrier behind which the tokens may be read.
    try ranks.succeedOnAllRanks {
      guard memory.isFiller else { return }
      let tokens = try mine ?? file.tokens(by: tokenizer)
      guard tokens.count == count else {
        throw FileError(
          file.path, "has \(tokens.count) tokens here, \(count) where rank 0 runs",
          remedy: "give the same file on every host, and do not change it")
      }
      tokens.withUnsafeBytes { memory.bytes.copyMemory(from: $0) }
    }
    return try ranks.succeedOnAllRanks {
      try EncodedText(
        UnsafeBufferPointer(memory.bytes.bindMemory(to: Int32.self)), keeping: memory,
        of: file.path, tokenizer: tokenizer, context: context)
    }
  }
}

extension TextFile {
  /// The whole text's tokens.
  func tokens(by tokenizer: Tokenizer) throws(FileError) -> [Int32] {
    let byteCount = isGzip ? try counts().reduce(0, +) : file.byteCount
    // A token is four bytes of memory, and seldom one byte of text.
    if let free = availableMemory(), free / 3 < byteCount {
      throw FileError(
        path, "\(byteCount) bytes of text and their tokens do not fit this machine's memory",
        remedy: "encode it with the library tokenizers and use data of kind tokens")
    }
    let text = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    defer { text.deallocate() }
    try load(into: text)
    var encoder = TokenizerEncoder(tokenizer)
    do throws(TokenizerEncoder.Failure) {
      return try encoder.encode(UnsafeBufferPointer(text.bindMemory(to: UInt8.self)))
    } catch {
      throw failure(
        at: error.offset, error.what, remedy: "remove it, or train the tokenizer on such a text")
    }
  }
}
