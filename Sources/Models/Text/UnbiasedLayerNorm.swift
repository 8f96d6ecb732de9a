import CVectorKernels
import Vectors

/// Layer normalisation with a weight and without a bias, ε = 1e-5, as nanoGPT's (PyTorch's
/// `layer_norm`; Ba et al. 2016).
struct UnbiasedLayerNorm {
  let width: Int
  let weight: Int

  /// Adds the layer's tensor, `NAME.weight`, to a layout.
  init(_ name: String, width: Int, in layout: inout TensorLayout) {
    self.width = width
    weight = layout.add("\(name).weight", shape: [width])
  }

  /// What the backward pass needs of the forward pass: the rows before the weight, and 1/deviation
  /// of each.
  struct Normal {
    let values: UnsafeMutablePointer<Float>
    let inverse: UnsafeMutablePointer<Float>
  }

  func forward(
    _ x: UnsafePointer<Float>, rows: Int, weights: borrowing FlatVector, normal: Normal,
    into y: UnsafeMutablePointer<Float>
  ) {
    cvk_layer_norm(y, normal.values, normal.inverse, x, weights.pointer(weight), rows, width)
  }

  /// ∂loss/∂weight from `d` = ∂loss/∂y, and ∂loss/∂x added to `dx`.
  func backward(
    _ d: UnsafePointer<Float>, normal: Normal, rows: Int, weights: borrowing FlatVector,
    addingTo dx: UnsafeMutablePointer<Float>,
    into gradient: inout FlatVector, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
  ) {
    cvk_column_products(gradient.pointer(weight), d, normal.values, rows, width, accumulate ? 1 : 0)
    finished(weight, &gradient)
    cvk_layer_norm_backward(
      dx, d, normal.values, normal.inverse, weights.pointer(weight), rows, width)
  }
}
