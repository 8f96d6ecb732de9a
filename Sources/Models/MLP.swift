import ExperimentKeys
import Vectors

extension Network {
  /// A multilayer perceptron: fully connected layers with an activation between them and a loss
  /// after the last, which has as many outputs as the loss wants. Without hidden layers it is a
  /// linear or a logistic model. An image is a row of numbers to it, plane after plane.
  ///
  /// Tensors are `layers.I.weight [outputs, inputs]` and `layers.I.bias [outputs]`.
  package static func perceptron(
    for samples: SampleShape, hidden: [Int], activation: Activation = .relu,
    loss: any Loss = .crossEntropy, initialization: Initialization = .standard
  ) throws(ExperimentError) -> Network {
    var samples = samples
    samples.image = nil
    let outputs = try loss.outputs(for: samples)
    return try Network(for: samples, loss: loss) {
      for (index, width) in hidden.enumerated() {
        Dense(.count(width), activation, initialization: initialization).named("layers.\(index)")
      }
      Dense(.count(outputs), initialization: initialization).named("layers.\(hidden.count)")
    }
  }
}

/// `model.kind = "mlp"`.
public struct MLPKind: ModelKind {
  public static let kind = "mlp"
  public static let summary = "Fully connected layers."
  public let hidden: [Int]
  public let activation: Activation
  public let loss: any Loss
  public let initialization: Initialization

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    hidden = try keys.integers(
      "hidden", default: [128], in: 1...(1 << 20), "widths of the hidden layers")
    activation = try keys.choice(
      "activation", default: .relu, "the function after each hidden layer")
    loss = try keys.kind("loss", of: Losses.self, "what is minimised") {
      (kind, keys) throws(ExperimentError) in try kind.init(&keys)
    }
    initialization = try Initialization(&keys)
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    _ = try outputs(samples, for: loss)
    return try Network.perceptron(
      for: samples, hidden: hidden, activation: activation, loss: loss,
      initialization: initialization)
  }
}
