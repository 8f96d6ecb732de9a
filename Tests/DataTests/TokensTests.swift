import Data
import ExperimentKeys
import Files
import Glibc
import RankTesting
import Testing
import Vectors

@Suite struct TokensTests {
  let files = TemporaryFolder()

  /// As `numpy.array(tokens, dtype=numpy.uint16).tofile(path)` writes them.
  private func bytes(_ tokens: [Int]) -> [UInt8] {
    tokens.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  private func open(_ bytes: [UInt8], _ keys: [String]) throws -> TrainingData {
    let path = files.write(bytes, to: "train.bin")
    var reader = try ExperimentReader(
      text: "", source: "test", overrides: ["data.path=\(path)"] + keys)
    try reader.enter("data")
    return try TokensKind(&reader).open(seed: 1, on: OneRank())
  }

  private func failure(_ bytes: [UInt8], _ keys: [String] = ["data.context=2"]) -> String? {
    let error = #expect(throws: FileError.self) { try open(bytes, keys) }
    return error.map { String($0.description.dropFirst(files.path.count + 1)) }
  }

  private func samples(_ set: any Dataset) throws -> [[Int32]] {
    var batch = Batch(capacity: set.count, shape: set.shape)
    try set.fill(&batch, with: Array(0..<UInt32(set.count))[...])
    let context = set.shape.tokens
    return (0..<set.count).map {
      Array(batch.tokens[$0 * context..<($0 + 1) * context])
        + Array(batch.labels[$0 * context..<($0 + 1) * context])
    }
  }

  @Test func samplesFollowOneAnother() throws {
    let tokens = [5, 50256, 0, 65535, 258, 7, 7, 1, 9]
    let data = try open(bytes(tokens), ["data.context=2", "data.validation=0.25"])
    #expect(data.train.shape == SampleShape(tokens: 2, labels: 2, classes: 65536))
    #expect(
      try samples(data.train) == [[5, 50256, 50256, 0], [0, 65535, 65535, 258], [258, 7, 7, 7]])
    #expect(try samples(data.test) == [[7, 1, 1, 9]])
    #expect(data.train.waitsForFiles)
  }

  @Test func theVocabularyIsTheLargestTokensOrTheUsers() throws {
    let tokens = bytes([0, 3, 2, 1, 0])
    #expect(try open(tokens, ["data.context=2"]).train.shape.classes == 4)
    #expect(
      try open(tokens, ["data.context=2", "data.vocabulary=50257"]).train.shape.classes == 50257)
    #expect(
      failure(tokens, ["data.context=2", "data.vocabulary=3"])
        == "train.bin: byte 2: token 3 is none of a vocabulary of 3; set data.vocabulary to as many as the tokens' encoder has, 50257 for GPT-2's"
    )
    let other = files.write(bytes([0, 1, 2, 9]), to: "val.bin")
    #expect(
      failure(tokens, ["data.context=2", "data.validation_path=\(other)"])?.hasPrefix(
        "val.bin: byte 6: token 9 is none of a vocabulary of 4; ") == true)
    let both = try open(
      tokens, ["data.context=2", "data.validation_path=\(other)", "data.vocabulary=10"])
    #expect(both.train.count == 2 && both.test.count == 1 && both.test.shape.classes == 10)
    #expect(try samples(both.test) == [[0, 1, 1, 2]])
  }

  @Test func wrongFilesAreNamed() {
    #expect(failure([]) == "train.bin: byte 0: is empty; give a file of tokens")
    #expect(
      failure([1, 0, 2])
        == "train.bin: byte 2: ends inside a token: each is two bytes; write it as numpy.uint16, or fetch it again"
    )
    #expect(
      failure(bytes([1, 2]))
        == "train.bin: byte 4: the 2 tokens end here, one sample of context 2 takes 3; give a longer file or set data.context to 1 or less"
    )
    #expect(
      failure(bytes([1, 2, 3]))
        == "train.bin: the text has one sample of context 2, of which none can be held out; set data.validation to 0, or data.context to less"
    )
  }

  /// Each rank reads a part; the parts are the file.
  @Test func partsCoverTheFile() throws {
    let path = files.write(bytes((0..<1000).map { $0 * 7 % 1000 }), to: "train.bin")
    let file = try TokenFile(path: path)
    for parts in [1, 2, 3, 7, 1001] {
      let found = try (0..<parts).map { try file.largest(ofPart: $0, of: parts) }
      #expect(found.max() == 999)
      var refused = 0
      for part in 0..<parts {
        do {
          try file.check(below: 999, remedy: "", part: part, of: parts)
        } catch {
          refused += 1
          #expect(error.offset == 2 * 857, "\(error)")
        }
      }
      #expect(refused == 1)
    }
  }

  @Test func aFileThatChangesIsNoticed() throws {
    let path = files.write(bytes([0, 3, 2, 1, 0]), to: "train.bin")
    let set = try Tokens(TokenFile(path: path), vocabulary: 4, context: 2)
    let changed = try #require(fopen(path, "r+"))
    defer { fclose(changed) }
    fseek(changed, 6, SEEK_SET)
    fputc(9, changed)
    fflush(changed)
    var batch = Batch(capacity: 2, shape: set.shape)
    let error = #expect(throws: FileError.self) { try set.fill(&batch, with: [0, 1]) }
    #expect(
      error?.description
        == "\(path): byte 6: token 9 was not here at the start; do not change the file while it is read"
    )
  }
}
