import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "rnn"`: h = tanh(W_ih·x + b + W_hh·h′), PyTorch's `nn.RNN` (Elman 1990).
public struct RNN: RecurrentLayerKind {
  public static let kind = "rnn"
  public static let summary = "Recurrent layers with tanh over a text's rows."
  public let settings: RecurrentSettings
  public init(_ settings: RecurrentSettings) { self.settings = settings }
  public static var cell: GatedCell { .elman }
}

/// `kind = "lstm"`: PyTorch's `nn.LSTM` (Hochreiter and Schmidhuber 1997, with Gers' forget gate).
public struct LSTM: RecurrentLayerKind {
  public static let kind = "lstm"
  public static let summary = "LSTM layers over a text's rows."
  public let settings: RecurrentSettings
  public init(_ settings: RecurrentSettings) { self.settings = settings }
  public static var cell: GatedCell { .lstm }
}

/// `kind = "gru"`: PyTorch's `nn.GRU` (Cho et al. 2014).
public struct GRU: RecurrentLayerKind {
  public static let kind = "gru"
  public static let summary = "GRU layers over a text's rows."
  public let settings: RecurrentSettings
  public init(_ settings: RecurrentSettings) { self.settings = settings }
  public static var cell: GatedCell { .gru }
}

/// What of a recurrent layer's states goes on.
public enum RecurrentOutput: String, Sendable, CaseIterable {
  /// The state after each token.
  case all
  /// The state after the last token.
  case last
}

/// The biases of a recurrent layer.
public enum RecurrentBias: String, Sendable, CaseIterable {
  /// `bias_ih_lI` and `bias_hh_lI`, as PyTorch has them.
  case both
  /// `bias_lI`, added to the inputs' sums. A second one would be part of the same sum, but for a
  /// GRU's, which its reset gate scales.
  case one
}

/// The keys that recurrent layers have alike.
public struct RecurrentSettings: Sendable, Equatable {
  public let width: Int
  public let layers: Int
  /// Between two layers.
  public let dropout: Double
  public let output: RecurrentOutput
  public let bias: RecurrentBias
  let initialization: Initialization

  init(
    _ width: Int, _ layers: Int = 1, _ dropout: Double = 0, _ output: RecurrentOutput = .all,
    bias: RecurrentBias = .both, initialization: Initialization = .standard
  ) {
    (self.width, self.layers, self.dropout, self.output) = (width, layers, dropout, output)
    (self.bias, self.initialization) = (bias, initialization)
  }

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    width = try keys.integer("width", default: 128, in: 1...(1 << 16), "values of the state")
    layers = try keys.integer("layers", default: 1, in: 1...64, "layers, one over the other")
    dropout = try keys.number(
      "dropout", default: 0, in: 0..<1, "probability that a value between two layers is 0")
    output = try keys.choice(
      "output", default: RecurrentOutput.all, "the states after all tokens, or after the last")
    bias = try keys.choice(
      "bias", default: RecurrentBias.both,
      "both: of inputs and state, as PyTorch; one: of the inputs alone")
    initialization = .standard
  }
}

/// A layer of which each token's state is a function of its row and of the state before it.
///
/// Tensors of layer i: `weight_ih_lI [gates·width, inputs]`, `weight_hh_lI [gates·width, width]`,
/// `bias_ih_lI`, `bias_hh_lI [gates·width]`, as PyTorch has them, or `bias_lI [gates·width]` with
/// `bias = "one"`; each sample starts from zeros.
public protocol RecurrentLayerKind: LayerKind {
  static var cell: GatedCell { get }
  var settings: RecurrentSettings { get }
  init(_ settings: RecurrentSettings)
}

extension RecurrentLayerKind {
  /// States of `width` values, `layers` over one another with dropout between them.
  public init(
    _ width: Int, layers: Int = 1, dropout: Double = 0, output: RecurrentOutput = .all,
    bias: RecurrentBias = .both
  ) {
    self.init(RecurrentSettings(width, layers, dropout, output, bias: bias))
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    self.init(try RecurrentSettings(&keys))
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard case .sequence(let length, _) = x.shape else {
      throw network.misfit(x, wanted: "a text's rows: put an embedding before it")
    }
    var x = x
    for layer in 0..<settings.layers {
      if layer > 0 && settings.dropout > 0 {
        x = try Dropout(settings.dropout).add(to: &network, after: x)
      }
      let (inputs, rows) = (x.shape.width, Self.cell.gates * settings.width)
      let tensors = RecurrentLayer.Tensors(
        inputWeight: try network.tensor("weight_ih_l\(layer)", shape: [rows, inputs]),
        stateWeight: try network.tensor("weight_hh_l\(layer)", shape: [rows, settings.width]),
        inputBias: try network.tensor(
          settings.bias == .one ? "bias_l\(layer)" : "bias_ih_l\(layer)", shape: [rows]),
        stateBias: settings.bias == .one
          ? nil : try network.tensor("bias_hh_l\(layer)", shape: [rows]))
      x = try network.apply(
        RecurrentLayer(
          Self.cell, length: length, inputs: inputs, width: settings.width, tensors,
          settings.initialization, by: network.compute),
        to: x, making: .sequence(length: length, width: settings.width))
    }
    guard settings.output == .last else { return x }
    return try network.apply(
      LastRow(length: length, width: settings.width), to: x, making: .values(settings.width))
  }
}

/// The last row of each sample.
private final class LastRow: Layer {
  private let length: Int
  private let width: Int

  init(length: Int, width: Int) { (self.length, self.width) = (length, width) }

  var memory: LayerMemory { LayerMemory() }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    for sample in 0..<pass.samples {
      (pass.y + sample * width).update(
        from: pass.x + ((sample + 1) * length - 1) * width, count: width)
    }
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    guard let dx = pass.dx else { return }
    dx.update(repeating: 0, count: pass.samples * length * width)
    for sample in 0..<pass.samples {
      (dx + ((sample + 1) * length - 1) * width).update(
        from: pass.dy + sample * width, count: width)
    }
  }
}
