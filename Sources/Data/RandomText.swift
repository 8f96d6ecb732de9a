import Vectors

/// A text of random tokens, all equally likely: nothing in it can be learned, so that a model's
/// loss settles at ln(vocabulary) unless it learns samples by heart.
///
/// Sample i is made of tokens i·context … i·context + context, as ``Text`` cuts a file. The text is
/// a function of (seed, part) alone.
public struct RandomText: Dataset {
  public let count: Int
  public let shape: SampleShape
  private let text: [UInt8]

  /// `part` separates texts of one seed: what is trained on, what is tested on.
  public init(tokens: Int, vocabulary: Int, context: Int, seed: UInt64, part: UInt64 = 0) {
    precondition(
      context > 0 && tokens > context && (1...256).contains(vocabulary),
      "a sample has at least one token, of at most 256 kinds")
    count = (tokens - 1) / context
    shape = SampleShape(tokens: context, labels: context, classes: vocabulary)
    var stream = RandomStream(seed, RandomPurpose.randomText, part)
    text = (0..<tokens).map { _ in UInt8(stream.integer(below: UInt64(vocabulary))) }
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let context = shape.tokens
    for (row, sample) in samples.enumerated() {
      let window = text[Int(sample) * context...Int(sample) * context + context]
      let (tokens, labels) = (
        batch.tokens.baseAddress! + row * context, batch.labels.baseAddress! + row * context
      )
      for (place, token) in window.dropLast().enumerated() { tokens[place] = Int32(token) }
      for (place, token) in window.dropFirst().enumerated() { labels[place] = Int32(token) }
    }
  }
}
