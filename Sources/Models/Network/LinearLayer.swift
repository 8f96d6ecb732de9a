import CVectorKernels
import Vectors

/// y = f(x·Wᵀ + b) for all rows of a micro-batch, W of shape [outputs, inputs]; without a bias
/// y = x·Wᵀ. At the end of a residual branch y = s + x·Wᵀ + b, of two inputs s and x.
final class LinearLayer: Layer {
  private let rows: Int
  private let inputs: Int
  private let outputs: Int
  private let weight: Int
  private let epilogue: Epilogue
  /// Whether it is the end of a residual branch.
  private let addsToStream: Bool
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
    (self.weight, self.sharesWeight, self.compute) = (weight, sharesWeight, compute)
    epilogue = Epilogue(bias: bias, function: activation.map { .result($0) })
    addsToStream = false
    fill = initialize
  }

  private init(_ layer: LinearLayer, _ epilogue: Epilogue, addsToStream: Bool) {
    (rows, inputs, outputs) = (layer.rows, layer.inputs, layer.outputs)
    (weight, sharesWeight, compute) = (layer.weight, layer.sharesWeight, layer.compute)
    (self.epilogue, self.addsToStream, fill) = (epilogue, addsToStream, layer.fill)
  }

  /// The layer with a function of its result; nil where that is no pass less.
  func followed(by function: Elementwise) -> LinearLayer? {
    guard !addsToStream, let epilogue = epilogue.followed(by: function) else { return nil }
    return LinearLayer(self, epilogue, addsToStream: false)
  }

  /// The layer as the end of a residual branch; nil where a function follows the product.
  var addedToStream: LinearLayer? {
    guard !addsToStream, epilogue.function == nil else { return nil }
    return LinearLayer(self, epilogue, addsToStream: true)
  }

  var memory: LayerMemory {
    var memory = epilogue.memory(rows * outputs)
    (memory.isInPlace, memory.onlyAddsFirst) = (addsToStream, addsToStream)
    memory.addsToGradient = true
    return memory
  }

  func multiplyAdds(isFirst: Bool) -> Int { (isFirst ? 2 : 3) * rows * inputs * outputs }

  func initialize(_ weights: inout FlatVector, seed: UInt64) { fill(&weights, seed) }

  private func matrix(_ weights: borrowing FlatVector) -> Matrix {
    Matrix(weights.pointer(weight), rows: outputs, columns: inputs)
  }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    let rows = pass.samples * rows
    let x = addsToStream ? pass.second! : pass.x
    if addsToStream && pass.y != pass.x { pass.y.update(from: pass.x, count: rows * outputs) }
    compute.multiply(
      Matrix(x, rows: rows, columns: inputs), matrix(weights).transposed,
      into: epilogue.target(pass), accumulate: addsToStream)
    epilogue.forward(pass, rows: rows, columns: outputs, weights: weights)
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let rows = pass.samples * rows
    epilogue.backward(pass, rows: rows, columns: outputs, into: &gradient, finished: finished)
    let d = Matrix(pass.dy, rows: rows, columns: outputs)
    let x = addsToStream ? pass.second! : pass.x
    if let squares = pass.sampleSquares { measure(d.base, x, samples: rows, into: squares) }
    compute.multiply(
      d.transposed, Matrix(x, rows: rows, columns: inputs),
      into: gradient.pointer(weight), accumulate: pass.accumulates)
    if !sharesWeight { finished(weight, &gradient) }
    guard addsToStream else {
      if let dx = pass.dx {
        compute.multiply(d, matrix(weights), into: dx, accumulate: pass.addsToGradient)
      }
      return
    }
    if let dx = pass.dSecond { compute.multiply(d, matrix(weights), into: dx) }
    guard let stream = pass.dx, stream != pass.dy else { return }
    if pass.addsToGradient {
      cvk_add(stream, pass.dy, rows * outputs)
    } else {
      stream.update(from: pass.dy, count: rows * outputs)
    }
  }

  /// Of one row a sample: the gradient of the weight is the outer product of two vectors.
  var measuresSamples: Bool { rows == 1 && !sharesWeight }

  private func measure(
    _ d: UnsafePointer<Float>, _ x: UnsafePointer<Float>, samples: Int,
    into squares: UnsafeMutablePointer<Double>
  ) {
    for sample in 0..<samples {
      let (d, x) = (d + sample * outputs, x + sample * inputs)
      squares[sample] +=
        cvk_dot(d, d, outputs) * (cvk_dot(x, x, inputs) + (epilogue.bias == nil ? 0 : 1))
    }
  }
}
