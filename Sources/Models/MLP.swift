import ExperimentKeys
import Vectors

/// A multilayer perceptron: fully connected layers with an activation between them and a loss behind the last.
///
/// Tensors are `layers.I.weight [outputs, inputs]` and `layers.I.bias [outputs]`. Without hidden layers it is a linear or a logistic model.
public final class MLP: Model {
  public let layout: TensorLayout
  public let loss: Loss
  private let initialization: Initialization
  private let layers: [Dense]
  private let widest: Int
  /// Each layer's results, one matrix behind the other, for `capacity` samples.
  private let activations = Scratch()
  /// ∂loss/∂ a layer's sum, and what the layer before makes of it.
  private let gradients = (Scratch(), Scratch())

  public init(
    inputWidth: Int, hidden: [Int], outputWidth: Int, activation: Activation = .relu, loss: Loss = .crossEntropy,
    initialization: Initialization = .standard
  ) {
    let widths = [inputWidth] + hidden + [outputWidth]
    precondition(widths.allSatisfy { $0 > 0 }, "a layer needs at least one input and one output")
    var layout = TensorLayout()
    layers = (0..<widths.count - 1).map { index in
      Dense(
        "layers.\(index)", inputs: widths[index], outputs: widths[index + 1], activation: index == widths.count - 2 ? nil : activation,
        in: &layout)
    }
    widest = widths.dropFirst().max()!
    self.layout = layout
    self.loss = loss
    self.initialization = initialization
  }

  public var inputWidth: Int { layers[0].inputs }
  public var outputWidth: Int { layers[layers.count - 1].outputs }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for layer in layers { layer.initialize(&weights, seed: seed, by: initialization) }
  }

  public func differentiate(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector, scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(gradient.count == layout.elementCount, "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    let rows = batch.count
    guard rows > 0 else { return differentiateNothing(into: &gradient, accumulate: accumulate, finished: finished) }

    var results = forward(batch, weights: weights)
    gradients.0.reserve(batch.capacity * widest)
    gradients.1.reserve(batch.capacity * widest)
    var (d, dx) = (gradients.0.base, gradients.1.base)
    let lossSum = loss.measure(results, width: outputWidth, batch: batch, scale: scale, gradient: d).lossSum

    for index in layers.indices.reversed() {
      let layer = layers[index]
      guard index > 0 else {
        layer.backward(d, x: batch.inputs.baseAddress!, rows: rows, into: &gradient, accumulate: accumulate, finished: finished)
        break
      }
      let x = results - batch.capacity * layer.inputs
      layer.backward(d, x: x, rows: rows, into: &gradient, accumulate: accumulate, finished: finished)
      layer.backward(d, rows: rows, weights: weights, toInputs: dx)
      layers[index - 1].activation!.backward(dx, results: x, count: rows * layer.inputs)
      swap(&d, &dx)
      results = x
    }
    return lossSum
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    return loss.measure(forward(batch, weights: weights), width: outputWidth, batch: batch)
  }

  /// Runs all layers and returns the last one's results; each layer's lie before its successor's, `batch.capacity` rows apart.
  private func forward(_ batch: borrowing Batch, weights: borrowing FlatVector) -> UnsafeMutablePointer<Float> {
    precondition(batch.shape.inputs == inputWidth, "samples of \(batch.shape.inputs) values cannot go into a model of \(inputWidth) inputs")
    precondition(weights.count == layout.elementCount, "the weights have \(weights.count) elements, not \(layout.elementCount)")
    activations.reserve(batch.capacity * layers.reduce(0) { $0 + $1.outputs })
    var x = UnsafePointer(batch.inputs.baseAddress!)
    var y = activations.base
    for (index, layer) in layers.enumerated() {
      if index > 0 { y += batch.capacity * layer.inputs }
      layer.forward(x, rows: batch.count, weights: weights, into: y)
      x = UnsafePointer(y)
    }
    return y
  }
}

/// `model.kind = "mlp"`.
public struct MLPRecipe: ModelRecipe {
  public static let kind = "mlp"
  public let hidden: [Int]
  public let activation: Activation
  public let loss: Loss
  public let initialization: Initialization

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    hidden = try keys.integers("hidden", default: [128], in: 1...(1 << 20))
    activation = try keys.choice("activation", default: .relu)
    loss = try keys.choice("loss", default: .crossEntropy)
    initialization = try Initialization(&keys)
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    MLP(
      inputWidth: samples.inputs, hidden: hidden, outputWidth: try outputs(samples), activation: activation, loss: loss,
      initialization: initialization)
  }
}
