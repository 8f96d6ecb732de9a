import CVectorKernels
import Vectors

/// y = f(x·Wᵀ + b) for all rows of a micro-batch, W of shape [outputs, inputs]; without a bias
/// y = x·Wᵀ. At the end of a residual branch y = s + x·Wᵀ + b, of two inputs s and x.
final class LinearLayer: SampleMeasuringLayer {
  private let rows: Int
  private let inputs: Int
  private let outputs: Int
  private let weight: Int
  private let epilogue: Epilogue
  /// Whether it is the end of a residual branch.
  private let addsToStream: Bool
  /// What an embedding that comes earlier and has the weight too needs of each sample: the weight's
  /// gradient is then complete there. Nil for a weight of its own.
  private let tied: TiedRows?
  private let fill: (_ weights: inout FlatVector, _ seed: UInt64) -> Void
  private let compute: ComputeContext

  /// `rows` are those of a sample.
  init(
    rows: Int, inputs: Int, outputs: Int, activation: Activation? = nil, weight: Int, bias: Int?,
    tied: TiedRows? = nil, by compute: ComputeContext,
    initialize: @escaping (_ weights: inout FlatVector, _ seed: UInt64) -> Void
  ) {
    (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
    (self.weight, self.tied, self.compute) = (weight, tied, compute)
    epilogue = Epilogue(bias: bias, function: activation.map { .result($0) })
    addsToStream = false
    fill = initialize
  }

  private init(_ layer: LinearLayer, _ epilogue: Epilogue, addsToStream: Bool) {
    (rows, inputs, outputs) = (layer.rows, layer.inputs, layer.outputs)
    (weight, tied, compute) = (layer.weight, layer.tied, layer.compute)
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
    epilogue.backward(pass, rows: rows, columns: outputs)
    let isMade = measure(pass, into: gradient.pointer(weight))
    if !pass.defersGradients {
      makeGradients(pass, exceptWeight: isMade, into: &gradient, finished: finished)
    }
    let d = Matrix(pass.dy, rows: rows, columns: outputs)
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

  /// What the product multiplies.
  private func factor(_ pass: LayerPass) -> UnsafeMutablePointer<Float> {
    addsToStream ? pass.second! : pass.x
  }

  private func makeGradients(
    _ pass: LayerPass, exceptWeight isMade: Bool = false, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let rows = pass.samples * rows
    epilogue.makeGradient(pass, rows: rows, columns: outputs, into: &gradient, finished: finished)
    if !isMade {
      compute.multiply(
        Matrix(pass.dy, rows: rows, columns: outputs).transposed,
        Matrix(factor(pass), rows: rows, columns: inputs),
        into: gradient.pointer(weight), accumulate: pass.accumulates)
    }
    if tied == nil { finished(weight, &gradient) }
  }

  func deferredGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    pass.sampleSquares!.scale(bySample(pass, pass.dy, outputs))
    makeGradients(pass, into: &gradient, finished: finished)
  }

  private func bySample(_ pass: LayerPass, _ base: UnsafePointer<Float>, _ columns: Int)
    -> SampleRows
  {
    SampleRows(
      base, samples: pass.samples, rows: rows, columns: columns, byTime: pass.rowsLieByTime)
  }

  /// Measures each sample's gradient where that is wanted, and returns whether the weight's was made
  /// by it.
  private func measure(_ pass: LayerPass, into gradient: UnsafeMutablePointer<Float>) -> Bool {
    guard let squares = pass.sampleSquares else { return false }
    let (d, x) = (bySample(pass, pass.dy, outputs), bySample(pass, factor(pass), inputs))
    if epilogue.bias != nil { squares.addColumnSums(d) }
    tied?.leave(d, x, tokens: pass.tokens, by: compute)
    return squares.addProduct(d, x, into: gradient, accumulate: pass.accumulates)
  }
}
