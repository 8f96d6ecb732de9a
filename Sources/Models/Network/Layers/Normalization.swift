import CVectorKernels
import Vectors

/// What layers share that bring values to a common scale, then multiply by a weight, and may add a
/// bias, for each column: what lies in memory, and the gradients of weight and bias.
class Normalization: SampleMeasuringLayer {
  let shape: ActivationShape
  let weight: Int
  let bias: Int?
  /// Scales of a sample.
  private let inverses: Int

  /// Adds the tensors `weight [width]` and `bias [width]`.
  init(
    _ shape: ActivationShape, weight: Int, bias: Int?, inverses: Int
  ) {
    (self.shape, self.weight, self.bias, self.inverses) = (shape, weight, bias, inverses)
  }

  var memory: LayerMemory { LayerMemory(saved: shape.count + inverses) }
  var width: Int { shape.width }
  var reach: LayerReach { .row }

  func initialize(_ weights: inout FlatVector, seed: UInt64) {
    weights.set(weight, to: repeatElement(1, count: width))
    if let bias { weights.setToZero(in: weights.layout.segments[bias].range) }
  }

  /// What the forward pass keeps: the values before the weight, and the scales.
  final func normal(_ pass: LayerPass) -> (
    values: UnsafeMutablePointer<Float>, inverse: UnsafeMutablePointer<Float>
  ) {
    (pass.saved, pass.saved + pass.samples * shape.count)
  }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    fatalError("a normalization computes its result itself")
  }

  /// ∂loss/∂x into `dx`.
  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, toInputs dx: UnsafeMutablePointer<Float>
  ) {
    fatalError("a normalization computes its gradient itself")
  }

  final func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    if let squares = pass.sampleSquares {
      let d = bySample(pass, pass.dy)
      squares.addColumnProducts(d, bySample(pass, normal(pass).values))
      if bias != nil { squares.addColumnSums(d) }
    }
    if !pass.defersGradients { makeGradients(pass, into: &gradient, finished: finished) }
    if let dx = pass.dx { backward(pass, weights: weights, toInputs: dx) }
  }

  final func deferredGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    pass.sampleSquares!.scale(bySample(pass, pass.dy))
    makeGradients(pass, into: &gradient, finished: finished)
  }

  private func bySample(_ pass: LayerPass, _ base: UnsafePointer<Float>) -> SampleRows {
    SampleRows(base, samples: pass.samples, rows: shape.rows, columns: width)
  }

  private func makeGradients(
    _ pass: LayerPass, into gradient: inout FlatVector, finished: (Int, inout FlatVector) -> Void
  ) {
    let rows = pass.samples * shape.rows
    if let bias {
      cvk_column_sums(gradient.pointer(bias), pass.dy, rows, width, pass.accumulates ? 1 : 0)
      finished(bias, &gradient)
    }
    cvk_column_products(
      gradient.pointer(weight), pass.dy, normal(pass).values, rows, width,
      pass.accumulates ? 1 : 0)
    finished(weight, &gradient)
  }
}
