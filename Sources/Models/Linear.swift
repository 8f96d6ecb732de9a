import CVectorKernels
import Vectors

/// A fully connected layer, y = f(x·Wᵀ + b) with W of shape [outputs, inputs], as PyTorch's
/// `nn.Linear`.
public struct Linear {
  public let inputs: Int
  public let outputs: Int
  /// Nil in a last layer, whose results go to the loss as they are.
  public let activation: Activation?
  /// The tensors' indices in the layout.
  public let weight: Int
  public let bias: Int
  private let compute: ComputeContext

  /// Adds the layer's tensors, `NAME.weight` and `NAME.bias`, to a layout.
  public init(
    _ name: String, inputs: Int, outputs: Int, activation: Activation?,
    in layout: inout TensorLayout, by compute: ComputeContext = ComputeContext()
  ) {
    self.compute = compute
    self.inputs = inputs
    self.outputs = outputs
    self.activation = activation
    weight = layout.add(
      "\(name).weight", shape: [outputs, inputs], role: activation == nil ? .head : .hidden)
    bias = layout.add("\(name).bias", shape: [outputs])
  }

  /// Fills both tensors with their starting values, a function of the seed and of their indices.
  public func initialize(
    _ weights: inout FlatVector, seed: UInt64, by initialization: Initialization = .standard
  ) {
    initialization.fill(
      &weights, weight: weight, bias: bias, fanIn: inputs, fanOut: outputs, activation: activation,
      seed: seed)
  }

  /// y = f(x·Wᵀ + b); `x` is rows × inputs, `y` rows × outputs, both row-major.
  public func forward(
    _ x: UnsafePointer<Float>, rows: Int, weights: borrowing FlatVector,
    into y: UnsafeMutablePointer<Float>
  ) {
    compute.multiply(Matrix(x, rows: rows, columns: inputs), matrix(weights).transposed, into: y)
    let bias = weights.pointer(bias)
    if let activation {
      activation.forward(y, bias: bias, rows: rows, columns: outputs)
    } else {
      cvk_bias(y, bias, rows, outputs)
    }
  }

  /// ∂loss/∂b and ∂loss/∂W from `d` = ∂loss/∂(x·Wᵀ + b), bias first.
  public func backward(
    _ d: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int, into gradient: inout FlatVector,
    accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) {
    cvk_column_sums(gradient.pointer(bias), d, rows, outputs, accumulate ? 1 : 0)
    finished(bias, &gradient)
    compute.multiply(
      Matrix(d, rows: rows, columns: outputs).transposed, Matrix(x, rows: rows, columns: inputs),
      into: gradient.pointer(weight), accumulate: accumulate)
    finished(weight, &gradient)
  }

  /// ∂loss/∂x, rows × inputs, from `d` = ∂loss/∂(x·Wᵀ + b); `accumulate` adds it to what another
  /// reader of x has left.
  public func backward(
    _ d: UnsafePointer<Float>, rows: Int, weights: borrowing FlatVector,
    toInputs dx: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    compute.multiply(
      Matrix(d, rows: rows, columns: outputs), matrix(weights), into: dx, accumulate: accumulate)
  }

  private func matrix(_ weights: borrowing FlatVector) -> Matrix {
    Matrix(weights.pointer(weight), rows: outputs, columns: inputs)
  }
}
