import ExperimentKeys
import Vectors

/// `data.kind = "random-text"`: generated tokens from which nothing can be learned; see
/// ``/Data/RandomText``. For timing, and for telling what a model learns by heart.
public struct RandomTextKind: DataKind {
  public static let kind = "random-text"
  public static let summary =
    "Random tokens: nothing to learn, for timing and for what is learned by heart."
  public let tokens: Int
  public let vocabulary: Int
  public let context: Int

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    tokens = try keys.integer("tokens", default: 1 << 20, in: 2...(1 << 30), "length of the text")
    vocabulary = try keys.integer("vocabulary", default: 96, in: 1...256, "different tokens")
    context = try keys.integer("context", default: 64, in: 1...(1 << 20), "tokens a sample")
    guard tokens > context else {
      throw keys.error(
        "tokens", "one sample of context \(context) takes \(context + 1) tokens; give more")
    }
  }

  public func outline() -> SampleShape? {
    SampleShape(tokens: context, labels: context, classes: vocabulary)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let test = max(context + 1, tokens / 16)
    return TrainingData(
      train: RandomText(tokens: tokens, vocabulary: vocabulary, context: context, seed: seed),
      test: RandomText(tokens: test, vocabulary: vocabulary, context: context, seed: seed, part: 1))
  }
}
