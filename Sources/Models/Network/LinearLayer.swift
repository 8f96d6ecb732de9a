import CVectorKernels
import Vectors

/// y = f(x·Wᵀ + b) for all rows of a micro-batch, W of shape [outputs, inputs]; without a bias
/// y = x·Wᵀ.
final class LinearLayer: Layer {
  private let rows: Int
  private let inputs: Int
  private let outputs: Int
  private let activation: Activation?
  private let weight: Int
  private let bias: Int?
  private let noBias = Workspace()
  /// Whether another layer, which comes earlier, has the weight too: its gradient is then complete
  /// there.
  private let sharesWeight: Bool
  private let fill: (_ weights: inout FlatVector, _ seed: UInt64) -> Void
  private let compute: ComputeContext

  /// `rows` are those of a sample.
  init(
    rows: Int, inputs: Int, outputs: Int, activation: Activation? = nil, weight: Int, bias: Int?,
    sharesWeight: Bool = false, by compute: ComputeContext,
    initialize: @escaping (_ weights: inout FlatVector, _ seed: UInt64) -> Void
  ) {
    (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
    (self.activation, self.weight, self.bias) = (activation, weight, bias)
    (self.sharesWeight, self.compute) = (sharesWeight, compute)
    fill = initialize
  }

  var memory: LayerMemory {
    LayerMemory(keepsInputs: true, keepsResult: activation != nil)
  }

  func multiplyAdds(isFirst: Bool) -> Int { (isFirst ? 2 : 3) * rows * inputs * outputs }

  func initialize(_ weights: inout FlatVector, seed: UInt64) { fill(&weights, seed) }

  private func matrix(_ weights: borrowing FlatVector) -> Matrix {
    Matrix(weights.pointer(weight), rows: outputs, columns: inputs)
  }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    let rows = pass.samples * rows
    compute.multiply(
      Matrix(pass.x, rows: rows, columns: inputs), matrix(weights).transposed, into: pass.y)
    if let activation {
      noBias.reserve(bias == nil ? outputs : 0)
      activation.forward(
        pass.y, bias: bias.map { UnsafePointer(weights.pointer($0)) } ?? UnsafePointer(noBias.base),
        rows: rows, columns: outputs)
    } else if let bias {
      cvk_bias(pass.y, weights.pointer(bias), rows, outputs)
    }
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let rows = pass.samples * rows
    activation?.backward(pass.dy, results: pass.y, count: rows * outputs)
    if let bias {
      cvk_column_sums(
        gradient.pointer(bias), pass.dy, rows, outputs, pass.accumulates ? 1 : 0)
      finished(bias, &gradient)
    }
    let d = Matrix(pass.dy, rows: rows, columns: outputs)
    compute.multiply(
      d.transposed, Matrix(pass.x, rows: rows, columns: inputs), into: gradient.pointer(weight),
      accumulate: pass.accumulates)
    if !sharesWeight { finished(weight, &gradient) }
    if let dx = pass.dx { compute.multiply(d, matrix(weights), into: dx) }
  }
}
