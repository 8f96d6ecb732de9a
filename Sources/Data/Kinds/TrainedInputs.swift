import Vectors

/// What samples were for a model that has been trained: other data are read for it in the same way.
public struct TrainedInputs: Sendable {
  public var samples: SampleShape
  /// The bytes that a text's tokens stand for.
  public var vocabulary: Vocabulary?
  /// Or what they are, of a text in the tokens of a `tokenizer.json`.
  public var tokenizer: Tokenizer?
  /// How a table's columns became inputs.
  public var encoding: TableEncoding?
  /// The classes' names, in the order of their numbers; empty where they have none.
  public var classes: [String]

  public init(
    samples: SampleShape, vocabulary: Vocabulary? = nil, tokenizer: Tokenizer? = nil,
    encoding: TableEncoding? = nil, classes: [String] = []
  ) {
    self.tokenizer = tokenizer
    (self.samples, self.vocabulary, self.encoding) = (samples, vocabulary, encoding)
    self.classes = classes
  }
}

/// The samples that a trained model is evaluated on.
public struct EvaluationData {
  public let set: any Dataset
  /// What the user is to know of how the data were read, at rank 0; others may have fewer.
  public let notes: [String]

  public init(_ set: any Dataset, notes: [String] = []) { (self.set, self.notes) = (set, notes) }
}
