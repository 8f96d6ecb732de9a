import Vectors

/// A linear layer without a bias, y = x·Wᵀ with W of shape [outputs, inputs].
struct Projection {
  let inputs: Int
  let outputs: Int
  let weight: Int
  private let compute: ComputeContext

  /// Adds the layer's tensor, `NAME.weight`, to a layout.
  init(
    _ name: String, inputs: Int, outputs: Int, in layout: inout TensorLayout,
    by compute: ComputeContext
  ) {
    (self.inputs, self.outputs, self.compute) = (inputs, outputs, compute)
    weight = layout.add("\(name).weight", shape: [outputs, inputs])
  }

  private func matrix(_ weights: borrowing FlatVector) -> Matrix {
    Matrix(weights.pointer(weight), rows: outputs, columns: inputs)
  }

  /// y = x·Wᵀ, or y += x·Wᵀ, which is how a residual branch ends.
  func forward(
    _ x: UnsafePointer<Float>, rows: Int, weights: borrowing FlatVector,
    into y: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    compute.multiply(
      Matrix(x, rows: rows, columns: inputs), matrix(weights).transposed, into: y,
      accumulate: accumulate)
  }

  /// ∂loss/∂W from `d` = ∂loss/∂y.
  func backward(
    _ d: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int, into gradient: inout FlatVector,
    accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) {
    compute.multiply(
      Matrix(d, rows: rows, columns: outputs).transposed, Matrix(x, rows: rows, columns: inputs),
      into: gradient.pointer(weight),
      accumulate: accumulate)
    finished(weight, &gradient)
  }

  /// ∂loss/∂x.
  func backward(
    _ d: UnsafePointer<Float>, rows: Int, weights: borrowing FlatVector,
    toInputs dx: UnsafeMutablePointer<Float>
  ) {
    compute.multiply(Matrix(d, rows: rows, columns: outputs), matrix(weights), into: dx)
  }
}
