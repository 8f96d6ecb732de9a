import Lockstep

/// `model.kind = "spiral-net"`: two layers, tanh between them.
struct SpiralNet: ModelKind {
  static let kind = "spiral-net"
  static let summary = "Two layers, tanh between them."
  static let usualData: String? = "spirals"
  let width: Int

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    width = try keys.integer("width", default: 64, in: 1...4096, "units of the hidden layer")
  }

  func model(for samples: SampleShape, seed: UInt64) -> any Model { Layers(self, samples) }

  final class Layers: Model {
    let layout: TensorLayout
    private let hidden, output: Linear
    private let loss = CrossEntropy()
    private let h = Workspace(), y = Workspace(), dh = Workspace(), dy = Workspace()

    init(_ kind: SpiralNet, _ samples: SampleShape) {
      var tensors = TensorLayout()
      hidden = Linear(
        "hidden", inputs: samples.inputs, outputs: kind.width, activation: .tanh, in: &tensors)
      output = Linear(
        "output", inputs: kind.width, outputs: samples.classes, activation: nil, in: &tensors)
      layout = tensors
    }

    func initialize(_ weights: inout FlatVector, seed: UInt64) {
      for layer in [hidden, output] { layer.initialize(&weights, seed: seed) }
    }

    private func forward(_ batch: borrowing Batch, _ weights: borrowing FlatVector) {
      h.reserve(batch.capacity * hidden.outputs)
      y.reserve(batch.capacity * output.outputs)
      let x = UnsafePointer(batch.inputs.baseAddress!)
      hidden.forward(x, rows: batch.count, weights: weights, into: h.base)
      output.forward(h.base, rows: batch.count, weights: weights, into: y.base)
    }

    func lossAndGradient(
      _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
      scale: Float, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
    ) -> Double {
      guard batch.count > 0 else {
        return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
      }
      forward(batch, weights)
      dh.reserve(batch.capacity * hidden.outputs)
      dy.reserve(batch.capacity * output.outputs)
      let result = loss.measure(
        y.base, width: output.outputs, batch: batch, scale: scale, gradient: dy.base)
      // Tensors are finished last to first: those that are leave for the other ranks meanwhile.
      output.backward(
        dy.base, x: h.base, rows: batch.count, into: &gradient, accumulate: accumulate,
        finished: finished)
      output.backward(dy.base, rows: batch.count, weights: weights, toInputs: dh.base)
      hidden.activation!.backward(dh.base, results: h.base, count: batch.count * hidden.outputs)
      hidden.backward(
        dh.base, x: batch.inputs.baseAddress!, rows: batch.count, into: &gradient,
        accumulate: accumulate, finished: finished)
      return result.lossSum
    }

    func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
      guard batch.count > 0 else { return Evaluation() }
      forward(batch, weights)
      return loss.measure(y.base, width: output.outputs, batch: batch)
    }
  }
}
