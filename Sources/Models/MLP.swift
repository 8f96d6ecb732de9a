import ExperimentKeys
import Vectors

/// A multilayer perceptron: fully connected layers with an activation between them and a loss after
/// the last.
///
/// Tensors are `layers.I.weight [outputs, inputs]` and `layers.I.bias [outputs]`. Without hidden
/// layers it is a linear or a logistic model.
public final class MLP: PredictiveModel {
  public let layout: TensorLayout
  public let compute = ComputeContext()
  public let loss: any Loss
  private let layers: DenseStack
  private let initialization: Initialization

  public init(
    inputWidth: Int, hidden: [Int], outputWidth: Int, activation: Activation = .relu,
    loss: any Loss = .crossEntropy,
    initialization: Initialization = .standard
  ) {
    let widths = [inputWidth] + hidden + [outputWidth]
    precondition(widths.allSatisfy { $0 > 0 }, "a layer needs at least one input and one output")
    var layout = TensorLayout()
    layers = DenseStack("", widths: widths, activation: activation, in: &layout, by: compute)
    self.layout = layout
    self.loss = loss
    self.initialization = initialization
  }

  public var inputWidth: Int { layers.inputWidth }
  public var outputWidth: Int { layers.outputWidth }
  public var targetRange: ClosedRange<Float>? { loss.targetRange }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    layers.initialize(&weights, seed: seed, by: initialization)
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    guard batch.count > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    let results = forward(batch, weights: weights)
    let lossSum = loss.measure(
      results, width: outputWidth, batch: batch, scale: scale,
      gradient: layers.outputGradient(capacity: batch.capacity)
    ).lossSum
    layers.backward(
      batch.inputs.baseAddress!, rows: batch.count, weights: weights, into: &gradient,
      accumulate: accumulate, finished: finished)
    return lossSum
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    return loss.measure(
      forward(batch, weights: weights), width: outputWidth, batch: batch, scale: 1, gradient: nil)
  }

  public func outputs(_ batch: borrowing Batch, weights: borrowing FlatVector)
    -> UnsafePointer<Float>
  {
    UnsafePointer(forward(batch, weights: weights))
  }

  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? {
    layers.multiplyAdds(rows: samples)
  }

  private func forward(_ batch: borrowing Batch, weights: borrowing FlatVector)
    -> UnsafeMutablePointer<Float>
  {
    precondition(
      batch.shape.inputs == inputWidth,
      "samples of \(batch.shape.inputs) values cannot go into a model of \(inputWidth) inputs")
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    layers.reserve(capacity: batch.capacity)
    return layers.forward(batch.inputs.baseAddress!, rows: 0..<batch.count, weights: weights)
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
    MLP(
      inputWidth: samples.inputs, hidden: hidden, outputWidth: try outputs(samples, for: loss),
      activation: activation, loss: loss,
      initialization: initialization)
  }
}
