import CVectorKernels
import Vectors

/// What follows a layer's product in the same pass over its result: a bias for each column, then a
/// function of each value.
struct Epilogue {
  let bias: Int?
  let function: Elementwise?

  /// With a function after it; nil where there is one already.
  func followed(by function: Elementwise) -> Epilogue? {
    self.function == nil ? Epilogue(bias: bias, function: function) : nil
  }

  /// What it adds to a layer's memory; `count` are the result's values of a sample.
  func memory(_ count: Int) -> LayerMemory {
    switch function {
    case nil: LayerMemory(keepsInputs: true)
    case .result: LayerMemory(keepsInputs: true, keepsResult: true)
    case .derivative: LayerMemory(keepsInputs: true, saved: count)
    }
  }

  /// Where the product goes, rows × columns without gaps.
  func target(_ pass: LayerPass) -> UnsafeMutablePointer<Float> {
    if case .derivative = function { pass.saved } else { pass.y }
  }

  /// Makes the result of the product.
  func forward(_ pass: LayerPass, rows: Int, columns: Int, weights: borrowing FlatVector) {
    let target = target(pass)
    let bias = bias.map { UnsafePointer(weights.pointer($0)) }
    pass.threads.split(rows, atLeast: ComputeThreads.leastRows(of: columns)) { rows in
      let (target, count) = (target + rows.lowerBound * columns, rows.count * columns)
      if case .result(let activation) = function {
        if let bias {
          activation.forward(target, bias: bias, rows: rows.count, columns: columns)
        } else {
          activation.forward(target, count: count)
        }
        return
      }
      if let bias { cvk_bias(target, bias, rows.count, columns) }
      if case .derivative(let apply) = function {
        apply(pass.y + rows.lowerBound * columns, target, count)
      }
    }
  }

  /// Makes ∂loss/∂ the product of ∂loss/∂ the result, in its place.
  func backward(_ pass: LayerPass, rows: Int, columns: Int) {
    pass.threads.split(rows, atLeast: ComputeThreads.leastRows(of: columns)) { rows in
      let (start, count) = (rows.lowerBound * columns, rows.count * columns)
      switch function {
      case nil: break
      case .result(let activation):
        activation.backward(pass.dy + start, results: pass.y + start, count: count)
      case .derivative: cvk_multiply(pass.dy + start, pass.saved + start, count)
      }
    }
  }

  /// Makes the bias's gradient of ∂loss/∂ the product.
  func makeGradient(
    _ pass: LayerPass, rows: Int, columns: Int, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    guard let bias else { return }
    cvk_column_sums(gradient.pointer(bias), pass.dy, rows, columns, pass.accumulates ? 1 : 0)
    finished(bias, &gradient)
  }
}
