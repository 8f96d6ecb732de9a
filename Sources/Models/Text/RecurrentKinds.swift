import ExperimentKeys
import Vectors

/// `model.kind = "rnn"`: a text through an Elman network.
public struct RNNKind: RecurrentKind {
  public static let kind = "rnn"
  public static let summary = "Texts through an Elman network (tanh)."
  static let cell = RecurrentCell.elman
  let widths: RecurrentWidths

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    widths = try RecurrentWidths(&keys)
  }
}

/// `model.kind = "lstm"`: a text through an LSTM.
public struct LSTMKind: RecurrentKind {
  public static let kind = "lstm"
  public static let summary = "Texts through an LSTM."
  static let cell = RecurrentCell.lstm
  let widths: RecurrentWidths

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    widths = try RecurrentWidths(&keys)
  }
}

struct RecurrentWidths: Sendable {
  let embedding: Int
  let hidden: Int
  let initialization: Initialization

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    embedding = try keys.integer(
      "embedding", default: 64, in: 1...(1 << 16), "width of a token's vector")
    hidden = try keys.integer("hidden", default: 256, in: 1...(1 << 14), "width of the state")
    initialization = try Initialization(&keys)
  }
}

protocol RecurrentKind: ModelKind {
  static var cell: RecurrentCell { get }
  var widths: RecurrentWidths { get }
}

extension RecurrentKind {
  public static var usualData: String? { "text" }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    RecurrentNetwork(
      Self.cell, vocabulary: try vocabulary(samples), embedding: widths.embedding,
      hidden: widths.hidden,
      initialization: widths.initialization)
  }
}
