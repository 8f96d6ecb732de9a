import ExperimentKeys
import Vectors

/// `model.kind = "rnn"`: a text through an Elman network.
public struct RNNKind: RecurrentKind {
  public static let kind = "rnn"
  public static let summary = "Texts through an Elman network (tanh)."
  static let cell = GatedCell.elman
  let widths: RecurrentWidths

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    widths = try RecurrentWidths(&keys)
  }
}

/// `model.kind = "lstm"`: a text through an LSTM.
public struct LSTMKind: RecurrentKind {
  public static let kind = "lstm"
  public static let summary = "Texts through an LSTM."
  static let cell = GatedCell.lstm
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
  static var cell: GatedCell { get }
  var widths: RecurrentWidths { get }
}

extension RecurrentKind {
  public static var usualData: String? { "text" }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    _ = try vocabulary(samples)
    return try Network.recurrent(
      Self.cell, for: samples, embedding: widths.embedding, hidden: widths.hidden,
      initialization: widths.initialization)
  }
}

extension Network {
  /// An embedding, one recurrent layer and a linear head, over the tokens of a text; every sample
  /// starts from a state of zeros.
  ///
  /// Tensors: `embedding.weight [vocabulary, embedding]`,
  /// `rnn.weight_ih_l0 [gates·hidden, embedding]`, `rnn.weight_hh_l0 [gates·hidden, hidden]`,
  /// `rnn.bias_l0 [gates·hidden]`, `head.weight [vocabulary, hidden]`, `head.bias [vocabulary]`.
  package static func recurrent(
    _ cell: GatedCell, for samples: SampleShape, embedding: Int, hidden: Int,
    initialization: Initialization = .standard
  ) throws(ExperimentError) -> Network {
    let settings = RecurrentSettings(hidden, bias: .one, initialization: initialization)
    return try Network(for: samples) {
      Embedding(embedding).named("embedding")
      switch cell {
      case .elman: RNN(settings).named("rnn")
      case .lstm: LSTM(settings).named("rnn")
      case .gru: GRU(settings).named("rnn")
      }
      Dense(.vocabulary, initialization: initialization).named("head")
    }
  }
}
