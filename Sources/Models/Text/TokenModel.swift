import ExperimentKeys
import Vectors

/// A model of texts: from the tokens so far it says what the next one may be.
///
/// A sample has as many labels as tokens, label t being what is to follow token t; a label of -1 is
/// not asked for (PyTorch's `ignore_index`). A sample's loss is the mean cross-entropy over the
/// labels asked for; the score counts right tokens.
public protocol TokenModel: Model {
  /// How many tokens there are; 0 for a model that does not say what the next one may be.
  var vocabulary: Int { get }

  /// Reads on: the tokens that follow those in `memory`, at least one, which it then holds too.
  /// Returns a logit for every token that may be next.
  ///
  /// A token outside 0 ..< vocabulary traps.
  func read(_ tokens: [Int32], memory: inout TokenMemory, weights: borrowing FlatVector) -> [Float]
}

extension TokenModel {
  /// A logit for every token that may follow `tokens`.
  public func logits(after tokens: [Int32], weights: borrowing FlatVector) -> [Float] {
    var memory = TokenMemory()
    return read(tokens, memory: &memory, weights: weights)
  }
}

/// What a model keeps of the tokens that it has read; empty at a text's start. It belongs to the
/// model and the weights that it was made with.
public struct TokenMemory: Sendable {
  /// The last tokens, of a model that looks back at them.
  var tokens: [Int32] = []
  /// The state of a recurrent model.
  var state: [Float] = []

  public init() {}
}

extension ModelKind {
  /// The number of tokens in the vocabulary of a text.
  func vocabulary(_ samples: SampleShape) throws(ExperimentError) -> Int {
    guard samples.tokens > 0, samples.labels == samples.tokens, samples.classes > 0 else {
      throw mismatch("a text: tokens, with a label for each")
    }
    return samples.classes
  }
}
