import ExperimentKeys
import Files
import Glibc
import Vectors

/// `data.kind = "text"`: the bytes of a file, each to be predicted from those before it; see
/// ``/Data/Text``. By default the King James Bible.
///
/// The last `validation` of the samples are the test set; with `validation = 0` all are trained on,
/// and the last tenth of them, at least one, is what the trained model is evaluated on. A file of
/// its own may be the test set instead: `validation_path`. With a `tokenizer` it is read in tokens;
/// see ``/Data/EncodedText``.
public struct TextKind: DataKind {
  public static let kind = "text"
  public static let summary =
    "Bytes to be predicted from those before, read as they are drawn: the text need not fit memory."
  /// Nil for the King James text.
  public let path: String?
  /// A `tokenizer.json` whose tokens the text is read in; nil for its bytes.
  public let tokenizer: String?
  public let context: Int
  public let validation: HeldOutData

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      "path", "a file; by default the King James Bible of Debian's package bible-kjv")
    tokenizer = try keys.path(
      "tokenizer",
      "a `tokenizer.json` of Hugging Face's library, byte-level BPE as GPT-2 has it: the text becomes its tokens, in memory, and the weights files keep it; without one, a token is a byte"
    )
    context = try keys.integer("context", default: 64, in: 1...(1 << 20), "tokens a sample")
    validation = try HeldOutData(ofText: &keys)
  }

  /// Where `Launch/setup` writes the text of Debian's package bible-kjv: one verse a line,
  /// 4,404,412 bytes, 73 of them distinct.
  public static var kingJames: String {
    let cache = environment("XDG_CACHE_HOME") ?? (environment("HOME") ?? "") + "/.cache"
    return cache + "/lockstep/king-james.txt"
  }

  public var files: [String] {
    [path ?? Self.kingJames] + [validation.path, tokenizer].compactMap { $0 }
  }

  public func outline() throws(FileError) -> SampleShape? {
    var classes = 256
    if let tokenizer {
      guard access(tokenizer, R_OK) == 0 else { return nil }
      classes = try Tokenizer(path: tokenizer).count
    }
    return SampleShape(tokens: context, labels: context, classes: classes)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    if let tokenizer { return try open(by: tokenizer, on: ranks) }
    let training = try ranks.succeedOnAllRanks { try openFile() }
    let counts = try count(training, on: ranks)
    let vocabulary = Vocabulary(counts: counts)
    let text = try read(training, byteCount: counts.reduce(0, +), vocabulary, on: ranks)
    guard let path = validation.path else {
      return try ranks.succeedOnAllRanks {
        try TrainingData(text, validation: validation.fraction, of: training.path)
      }
    }
    let test = try ranks.succeedOnAllRanks { try TextFile(path: path) }
    let byteCount = try count(test, on: ranks).reduce(0, +)
    try ranks.succeedOnAllRanks {
      try test.check(against: vocabulary, of: training.path, part: ranks.rank, of: ranks.size)
    }
    return TrainingData(
      train: text, test: try read(test, byteCount: byteCount, vocabulary, on: ranks))
  }

  public func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    guard trained.vocabulary != nil || trained.tokenizer != nil else {
      let data = try open(seed: seed, on: ranks)
      return EvaluationData(data.test, notes: data.notes)
    }
    let file = try ranks.succeedOnAllRanks {
      if let path = validation.path, !all { try TextFile(path: path) } else { try openFile() }
    }
    guard let vocabulary = trained.vocabulary else {
      return try test(encode(file, trained.tokenizer!, on: ranks), file, all: all, on: ranks)
    }
    let byteCount = try count(file, on: ranks).reduce(0, +)
    try ranks.succeedOnAllRanks {
      try file.check(
        against: vocabulary, of: "the text trained on", part: ranks.rank, of: ranks.size)
    }
    return try test(
      read(file, byteCount: byteCount, vocabulary, on: ranks), file, all: all, on: ranks)
  }

  /// What of a text is evaluated: all of it, or its part at the end.
  private func test(
    _ text: some DivisibleDataset, _ file: TextFile, all: Bool,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    if all || validation.path != nil { return EvaluationData(text) }
    return try ranks.succeedOnAllRanks {
      EvaluationData(
        try TrainingData(text, validation: validation.fraction, of: file.path).test)
    }
  }

  func openFile() throws(FileError) -> TextFile {
    if let path { return try TextFile(path: path) }
    let path = Self.kingJames
    guard access(path, R_OK) == 0 else {
      throw FileError(
        path, "the default text is not there",
        remedy:
          "run Launch/setup, which writes it from Debian's package bible-kjv, or set data.path")
    }
    return try TextFile(path: path)
  }

  /// How often each byte occurs; each rank counts its part. Collective.
  private func count(_ file: TextFile, on ranks: borrowing some DataContext & ~Copyable) throws
    -> [Int]
  {
    let (part, count) = (ranks.rank, ranks.size)
    let mine = try ranks.succeedOnAllRanks { try file.counts(ofPart: part, of: count) }
    return try ranks.sum(mine.map(Int64.init)).map { Int($0) }
  }

  private func read(
    _ file: TextFile, byteCount: Int, _ vocabulary: Vocabulary,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> Text {
    guard file.isGzip else {
      return try ranks.succeedOnAllRanks {
        try Text(file, byteCount: byteCount, vocabulary: vocabulary, context: context)
      }
    }
    let memory = try ranks.sharedBytes(count: byteCount, filler: 0)
    // The agreement is also the barrier behind which the bytes may be read.
    try ranks.succeedOnAllRanks { if memory.isFiller { try file.load(into: memory.bytes) } }
    return try ranks.succeedOnAllRanks {
      try Text(
        file, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, vocabulary: vocabulary,
        context: context)
    }
  }
}

private func environment(_ name: String) -> String? {
  guard let value = getenv(name), value.pointee != 0 else { return nil }
  return String(cString: value)
}
