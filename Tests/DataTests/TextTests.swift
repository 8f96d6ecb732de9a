import Data
import Files
import Glibc
import RankTesting
import Testing
import Vectors

@Suite struct TextTests {
  let files = TemporaryFolder()

  private func open(_ path: String, context: Int) throws(FileError) -> Text {
    let file = try TextFile(path: path)
    let counts = try file.counts()
    let (vocabulary, byteCount) = (Vocabulary(counts: counts), counts.reduce(0, +))
    guard file.isGzip else {
      return try Text(file, byteCount: byteCount, vocabulary: vocabulary, context: context)
    }
    let memory = Bytes(byteCount)
    try file.load(into: memory.bytes)
    return try Text(
      file, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, vocabulary: vocabulary,
      context: context)
  }

  private func failure(_ path: String, context: Int) -> FileError? {
    do {
      _ = try open(path, context: context)
      return nil
    } catch { return error }
  }

  /// E4: a sparse file is refused before a byte of it is read.
  @Test func aTextBeyondTheLimitIsRefusedUnread() {
    let path = files.write([], to: "holes")
    #expect(truncate(path, 1 << 40) == 0)
    #expect(failure(path, context: 4)?.what == "has 1099511627776 bytes; a text has at most 64 GiB")
  }

  @Test func samplesAreWindowsOfTheBytes() throws {
    let bytes: [UInt8] = (0..<1003).map { UInt8(($0 * $0 + $0 / 7) % 256) } + Array("the end".utf8)
    let distinct = Set(bytes).sorted()
    for path in [files.write(bytes, to: "plain"), files.write(gzip(bytes), to: "gzip")] {
      for context in [1, 2, 7, 100, 1009] {
        let text = try open(path, context: context)
        #expect(text.count == 1009 / context)
        #expect(text.vocabulary.bytes == distinct)
        #expect(
          text.shape == SampleShape(tokens: context, labels: context, classes: distinct.count))
        var batch = Batch(capacity: 3, shape: text.shape)
        let samples = [UInt32(text.count - 1), 0, UInt32(text.count / 2)]
        try text.fill(&batch, with: samples[...])
        for (row, sample) in samples.enumerated() {
          for place in 0..<context {
            let at = Int(sample) * context + place
            #expect(distinct[Int(batch.tokens[row * context + place])] == bytes[at])
            #expect(distinct[Int(batch.labels[row * context + place])] == bytes[at + 1])
          }
        }
        let tail = text[text.count - 1..<text.count]
        #expect(tail.count == 1 && tail.vocabulary == text.vocabulary)
        try tail.fill(&batch, with: [0])
        #expect(distinct[Int(batch.tokens[0])] == bytes[(text.count - 1) * context])
      }
    }
  }

  @Test func partsCountAsTheWhole() throws {
    let bytes = (0..<10_007).map { UInt8($0 * 31 % 97) }
    var expected = [Int](repeating: 0, count: 256)
    for byte in bytes { expected[Int(byte)] += 1 }
    for path in [files.write(bytes, to: "plain"), files.write(gzip(bytes), to: "gzip")] {
      let file = try TextFile(path: path)
      for parts in [1, 2, 3, 64] {
        let counts = try (0..<parts).map { try file.counts(ofPart: $0, of: parts) }
        #expect((0..<256).map { byte in counts.reduce(0) { $0 + $1[byte] } } == expected)
      }
    }
  }

  @Test func unseenBytesAreNamedWithTheirPlace() throws {
    let vocabulary = Vocabulary("abc\n".utf8)
    #expect(
      vocabulary.count == 4 && vocabulary.token(of: UInt8(ascii: "b")) == 2
        && vocabulary.token(of: 0) == nil)
    let bytes = Array(repeating: UInt8(ascii: "a"), count: 3_000_000) + Array("~aé".utf8)
    for (path, note) in [
      (files.write(bytes, to: "plain"), ""),
      (files.write(gzip(bytes), to: "gzip"), " (byte of the decompressed text)"),
    ] {
      let file = try TextFile(path: path)
      let error = #expect(throws: FileError.self) {
        try file.check(against: vocabulary, of: "train.txt")
      }
      #expect(
        error?.description
          == "\(path): byte 3000000: the byte '~' (0x7E) does not occur in train.txt, whose bytes are the model's vocabulary"
          + "\(note); remove it here or train on a text that has it")
    }
    let file = try TextFile(path: files.write(bytes, to: "plain"))
    try file.check(against: vocabulary, of: "train.txt", part: 0, of: 2)
    #expect(throws: FileError.self) {
      try file.check(against: vocabulary, of: "train.txt", part: 1, of: 2)
    }
    try TextFile(path: files.write(Array("cab\n".utf8), to: "fine")).check(
      against: vocabulary, of: "train.txt")
  }

  @Test func filesThatHoldNoSampleAreErrors() {
    #expect(
      failure(files.write([], to: "empty"), context: 4)?.description
        == "\(files.path)/empty: byte 0: is empty; give a file of text")
    let short = "the text ends here, one sample of context 4 takes 5 bytes"
    let remedy = "give a longer text or set data.context to 3 or less"
    #expect(
      failure(files.write(Array("abcd".utf8), to: "short"), context: 4)?.description
        == "\(files.path)/short: byte 4: \(short); \(remedy)")
    #expect(
      failure(files.write(gzip(Array("abcd".utf8)), to: "short.gz"), context: 4)?.description
        == "\(files.path)/short.gz: byte 4: \(short) (byte of the decompressed text); \(remedy)")
    #expect(failure(files.write(Array("abcde".utf8), to: "enough"), context: 4) == nil)
    #expect(failure(files.path, context: 4)?.what == "is a directory")
    let compressed = gzip((0..<2000).map { UInt8($0 * $0 % 251) })
    for length in stride(from: 2, to: compressed.count, by: 5) {
      #expect(
        failure(files.write(Array(compressed[..<length]), to: "cut"), context: 4)?.offset == length)
    }
  }

  @Test func aFileThatChangesIsAnErrorWhereItIsRead() throws {
    let path = files.write(Array("abababababab".utf8), to: "changing")
    let text = try open(path, context: 3)
    var batch = Batch(capacity: 2, shape: text.shape)
    try text.fill(&batch, with: [1])
    #expect(Array(batch.tokens[..<3]) == [1, 0, 1])

    let file = try #require(fopen(path, "r+"))
    defer { fclose(file) }
    fseek(file, 5, SEEK_SET)
    fputs("X", file)
    fflush(file)
    let strange = #expect(throws: FileError.self) { try text.fill(&batch, with: [0, 1]) }
    #expect(
      strange?.offset == 5 && strange?.what == "the byte 'X' (0x58) was not here at the start")
    truncate(path, 4)
    let ended = #expect(throws: FileError.self) { try text.fill(&batch, with: [1]) }
    #expect(ended?.offset == 4 && ended?.what.hasPrefix("the file ends here") == true)
  }
}
