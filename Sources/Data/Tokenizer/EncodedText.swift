import Files
import Vectors

/// A text in a tokenizer's tokens, in memory, cut into samples of `context`, each to be predicted
/// from those before it, as ``Text`` cuts bytes.
public struct EncodedText: DivisibleDataset {
  public let tokenizer: Tokenizer
  public let count: Int
  public let shape: SampleShape
  // Nothing writes to the tokens once a data set exists, so ranks' threads may all read them.
  nonisolated(unsafe) private let tokens: UnsafeBufferPointer<Int32>
  private let owner: any AnyObject & Sendable
  /// The index, among all samples of the text, of this set's first.
  private let first: Int

  /// The tokens of a text, which `owner` keeps in memory; `path` is the file that messages name.
  /// - Throws: when they are too few for one sample, or more than samples can be numbered.
  public init(
    _ tokens: UnsafeBufferPointer<Int32>, keeping owner: any AnyObject & Sendable,
    of path: String, tokenizer: Tokenizer, context: Int
  ) throws(FileError) {
    precondition(context > 0, "a sample has at least one token")
    guard tokens.count > context else {
      throw FileError(
        path, "has \(tokens.count) tokens, one sample of context \(context) takes \(context + 1)",
        remedy: "give a longer text or set data.context to \(max(1, tokens.count - 1)) or less")
    }
    let count = (tokens.count - 1) / context
    guard count <= UInt32.max else {
      throw FileError(
        path, "\(count) samples are more than the \(UInt32.max) that can be numbered",
        remedy: "set data.context to \((tokens.count - 1) / Int(UInt32.max) + 1) or more")
    }
    (self.tokens, self.owner, self.tokenizer) = (tokens, owner, tokenizer)
    (self.count, first) = (count, 0)
    shape = SampleShape(tokens: context, labels: context, classes: tokenizer.count)
  }

  private init(_ whole: EncodedText, _ samples: Range<Int>) {
    (tokens, owner, tokenizer, shape) = (whole.tokens, whole.owner, whole.tokenizer, whole.shape)
    (first, count) = (whole.first + samples.lowerBound, samples.count)
  }

  public subscript(samples: Range<Int>) -> EncodedText {
    precondition(
      samples.lowerBound >= 0 && samples.upperBound <= count && !samples.isEmpty,
      "there are no samples \(samples) of \(count)")
    return EncodedText(self, samples)
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let context = shape.tokens
    for (row, sample) in samples.enumerated() {
      let start = tokens.baseAddress! + (first + Int(sample)) * context
      (batch.tokens.baseAddress! + row * context).update(from: start, count: context)
      (batch.labels.baseAddress! + row * context).update(from: start + 1, count: context)
    }
  }
}
