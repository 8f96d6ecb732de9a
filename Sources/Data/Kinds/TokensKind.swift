import ExperimentKeys
import Files
import Vectors

/// `data.kind = "tokens"`: the tokens of a file that nanoGPT's `prepare.py` wrote, each to be
/// predicted from those before it; see ``/Data/Tokens``.
///
/// The last `validation` of the samples are the test set, or the samples of another file:
/// `validation_path`.
public struct TokensKind: DataKind {
  public static let kind = "tokens"
  public static let summary =
    "nanoGPT's files of tokens, such as `train.bin`: 16 bits each, little-endian, read as they are drawn."
  public let path: String
  public let context: Int
  /// Nil for one more than the largest token.
  public let vocabulary: Int?
  public let validation: HeldOutData

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      needed: "path", example: "train.bin",
      missing: "data of kind tokens needs the path of its file", "the file")
    context = try keys.integer("context", default: 64, in: 1...(1 << 20), "tokens a sample")
    vocabulary = try keys.integer(
      optional: "vocabulary", in: 1...(1 << 16),
      "how many different tokens there are; by default one more than the largest in the file, of GPT-2's 50257"
    )
    validation = try HeldOutData(ofText: &keys)
  }

  public var files: [String] { [path] + (validation.path.map { [$0] } ?? []) }

  public func outline() -> SampleShape? {
    SampleShape(tokens: context, labels: context, classes: vocabulary ?? 2)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let file = try ranks.succeedOnAllRanks { try TokenFile(path: path) }
    // Each rank reads its part, and all learn what each found.
    var found = [Int64](repeating: 0, count: ranks.size)
    found[ranks.rank] = Int64(
      try ranks.succeedOnAllRanks { try file.largest(ofPart: ranks.rank, of: ranks.size) })
    let largest = Int(try ranks.sum(found).max()!)
    let classes = vocabulary ?? largest + 1
    try check(file, below: classes, on: ranks)
    let tokens = try ranks.succeedOnAllRanks {
      try Tokens(file, vocabulary: classes, context: context)
    }
    guard let path = validation.path else {
      return try ranks.succeedOnAllRanks {
        try TrainingData(tokens, validation: validation.fraction, of: file.path)
      }
    }
    let other = try ranks.succeedOnAllRanks { try TokenFile(path: path) }
    try check(other, below: classes, on: ranks)
    return TrainingData(
      train: tokens,
      test: try ranks.succeedOnAllRanks {
        try Tokens(other, vocabulary: classes, context: context)
      })
  }

  public func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    let classes = trained.samples.classes
    let file = try ranks.succeedOnAllRanks {
      try TokenFile(path: all ? path : validation.path ?? path)
    }
    try check(file, below: classes, on: ranks)
    return try ranks.succeedOnAllRanks {
      let tokens = try Tokens(file, vocabulary: classes, context: context)
      if all || validation.path != nil { return EvaluationData(tokens) }
      return EvaluationData(
        try TrainingData(tokens, validation: validation.fraction, of: file.path).test)
    }
  }

  /// Each rank checks its part. Collective.
  private func check(
    _ file: TokenFile, below vocabulary: Int, on ranks: borrowing some DataContext & ~Copyable
  ) throws {
    try ranks.succeedOnAllRanks {
      try file.check(
        below: vocabulary,
        remedy: "set data.vocabulary to as many as the tokens' encoder has, 50257 for GPT-2's",
        part: ranks.rank, of: ranks.size)
    }
  }
}
