import CVectorKernels

/// The function between two layers.
public enum Activation: String, Sendable, CaseIterable {
  case relu, tanh, sigmoid

  /// values = f(values + bias), in one pass over a row-major matrix of `rows` × `columns`.
  public func forward(
    _ values: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>, rows: Int, columns: Int
  ) {
    switch self {
    case .relu: cvk_bias_relu(values, bias, rows, columns)
    case .tanh: cvk_bias_tanh(values, bias, rows, columns)
    case .sigmoid: cvk_bias_sigmoid(values, bias, rows, columns)
    }
  }

  /// values = f(values).
  func forward(_ values: UnsafeMutablePointer<Float>, count: Int) {
    switch self {
    case .relu: cvk_relu(values, count)
    case .tanh: cvk_tanh(values, count)
    case .sigmoid: cvk_sigmoid(values, count)
    }
  }

  /// Multiplies ∂loss/∂f by f′, which each of these functions has as a function of its result.
  public func backward(
    _ gradient: UnsafeMutablePointer<Float>, results: UnsafePointer<Float>, count: Int
  ) {
    switch self {
    case .relu: cvk_relu_backward(gradient, results, count)
    case .tanh: cvk_tanh_backward(gradient, results, count)
    case .sigmoid: cvk_sigmoid_backward(gradient, results, count)
    }
  }
}
