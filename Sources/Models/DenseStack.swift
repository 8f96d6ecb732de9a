import Vectors

/// Fully connected layers, each but the last with an activation, and the memory for what they
/// compute.
///
/// Rows may be run a few at a time, as an episode unfolds, and differentiated together: every row's
/// results stay where they are until it is run again. Tensors are
/// `PREFIXlayers.I.weight [outputs, inputs]` and `PREFIXlayers.I.bias [outputs]`.
final class DenseStack {
  private let layers: [Linear]
  private let widest: Int
  /// Each layer's results, row by row.
  private let results: [Workspace]
  /// ∂loss/∂ a layer's sum, and what the layer before makes of it.
  private let gradients = (Workspace(), Workspace())

  init(
    _ prefix: String, widths: [Int], activation: Activation, in layout: inout TensorLayout,
    by compute: ComputeContext
  ) {
    precondition(
      widths.count > 1 && widths.allSatisfy { $0 > 0 },
      "a layer needs at least one input and one output")
    let last = widths.count - 2
    layers = (0...last).map { index in
      Linear(
        "\(prefix)layers.\(index)", inputs: widths[index], outputs: widths[index + 1],
        activation: index == last ? nil : activation,
        in: &layout, by: compute)
    }
    results = layers.map { _ in Workspace() }
    widest = widths.dropFirst().max()!
  }

  var inputWidth: Int { layers[0].inputs }
  var outputWidth: Int { layers[layers.count - 1].outputs }

  /// Three products of a layer's size a row: its results, ∂loss/∂W, and, but for the first layer,
  /// ∂loss/∂x.
  func multiplyAdds(rows: Int) -> Int {
    rows
      * (layers.reduce(0) { $0 + 3 * $1.inputs * $1.outputs } - layers[0].inputs * layers[0].outputs)
  }

  func initialize(
    _ weights: inout FlatVector, seed: UInt64, by initialization: Initialization = .standard
  ) {
    for layer in layers { layer.initialize(&weights, seed: seed, by: initialization) }
  }

  /// Makes room for the results of `capacity` rows; what was there is lost if it has to grow.
  func reserve(capacity: Int) {
    for (layer, memory) in zip(layers, results) { memory.reserve(capacity * layer.outputs) }
  }

  /// Runs all layers over some rows of `inputs`, whose row 0 it points to, and returns the last
  /// one's results for the first of them.
  func forward(_ inputs: UnsafePointer<Float>, rows: Range<Int>, weights: borrowing FlatVector)
    -> UnsafeMutablePointer<Float>
  {
    var x = inputs + rows.lowerBound * inputWidth
    var y = results[0].base
    for (layer, memory) in zip(layers, results) {
      y = memory.base + rows.lowerBound * layer.outputs
      layer.forward(x, rows: rows.count, weights: weights, into: y)
      x = UnsafePointer(y)
    }
    return y
  }

  /// The last layer's results for row 0.
  var outputs: UnsafePointer<Float> { UnsafePointer(results[results.count - 1].base) }

  /// Where the loss writes ∂loss/∂outputs, row by row, for
  /// ``backward(_:rows:weights:into:accumulate:finished:)``.
  func outputGradient(capacity: Int) -> UnsafeMutablePointer<Float> {
    gradients.0.reserve(capacity * widest)
    gradients.1.reserve(capacity * widest)
    return gradients.0.base
  }

  /// The gradient over the first `rows` rows that were run: one product a layer, last layer first.
  func backward(
    _ inputs: UnsafePointer<Float>, rows: Int, weights: borrowing FlatVector,
    into gradient: inout FlatVector, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) {
    var (d, dx) = (gradients.0.base, gradients.1.base)
    for index in layers.indices.reversed() {
      let layer = layers[index]
      guard index > 0 else {
        layer.backward(
          d, x: inputs, rows: rows, into: &gradient, accumulate: accumulate, finished: finished)
        break
      }
      let x = results[index - 1].base
      layer.backward(
        d, x: x, rows: rows, into: &gradient, accumulate: accumulate, finished: finished)
      layer.backward(d, rows: rows, weights: weights, toInputs: dx)
      layers[index - 1].activation!.backward(dx, results: x, count: rows * layer.inputs)
      swap(&d, &dx)
    }
  }
}
