import CVectorKernels
import Vectors

/// What a recurrent layer computes at each step.
public enum GatedCell: Sendable, CaseIterable {
  case elman, lstm, gru

  /// Sums of a step, in units of the state's width.
  var gates: Int {
    switch self {
    case .elman: 1
    case .lstm: 4
    case .gru: 3
    }
  }

  /// What a sample carries from step to step, in units of the state's width: h, and the cell's c.
  var states: Int { self == .lstm ? 2 : 1 }

  /// Values of a step that are kept besides the gates, in units of the state's width.
  fileprivate var kept: Int {
    switch self {
    case .elman: 0
    case .lstm: 2
    case .gru: 1
    }
  }
}

/// One recurrent layer over the rows of a text: the inputs' products of all steps are one product,
/// those of the states one a step.
final class RecurrentLayer: SampleMeasuringLayer {
  struct Tensors {
    let inputWeight: Int
    let stateWeight: Int
    let inputBias: Int
    /// Nil where the one bias is that of the inputs.
    let stateBias: Int?

    private func squares(of bias: Int, _ weights: borrowing FlatVector) -> Double {
      cvk_sum_of_squares(weights.pointer(bias), weights.layout.segments[bias].count)
    }

    /// Infinite biases saturate their units, so that neither loss nor gradient would show them: the
    /// result becomes NaN.
    func showBiases(_ weights: borrowing FlatVector, in y: UnsafeMutablePointer<Float>, count: Int)
    {
      var sum = squares(of: inputBias, weights)
      if let stateBias { sum += squares(of: stateBias, weights) }
      if !sum.isFinite { y.update(repeating: .nan, count: count) }
    }
  }

  let cell: GatedCell
  let length: Int
  let inputs: Int
  let width: Int
  let tensors: Tensors
  let compute: ComputeContext
  private let initialization: Initialization
  /// What takes the place of a state's bias that there is none of.
  private let noBias = Workspace()

  init(
    _ cell: GatedCell, length: Int, inputs: Int, width: Int, _ tensors: Tensors,
    _ initialization: Initialization, by compute: ComputeContext
  ) {
    (self.cell, self.length, self.inputs, self.width) = (cell, length, inputs, width)
    (self.tensors, self.initialization, self.compute) = (tensors, initialization, compute)
    if tensors.stateBias == nil { noBias.reserve(cell.gates * width) }
  }

  /// The sums of a step.
  var sums: Int { cell.gates * width }
  /// From a sample's state to the next one's.
  private var far: Int { length * width }

  var memory: LayerMemory {
    var memory = LayerMemory(
      keepsInputs: true, keepsResult: true, saved: length * (sums + cell.kept * width),
      // Forward: the state's sums. Backward: gradients of h, c and the state, the states before
      // each step, and the gradients of the state's sums where these are others.
      scratch: max(sums, 3 * width + far + (cell == .gru ? length * sums : 0)))
    memory.keepsScratch = true
    return memory
  }

  func multiplyAdds(isFirst: Bool) -> Int {
    length * sums * ((isFirst ? 2 : 3) * inputs + 3 * width)
  }

  var reach: LayerReach { .state(cell.states * width) }

  /// As PyTorch starts `nn.RNN`, U(-1/√width, 1/√width); or the matrices by a named scheme with a
  /// gain of 1, which through time is what neither grows nor shrinks where a matrix is orthogonal.
  func initialize(_ weights: inout FlatVector, seed: UInt64) {
    let biases = [tensors.inputBias, tensors.stateBias ?? tensors.inputBias]
    if initialization == .standard {
      for tensor in [tensors.inputWeight, tensors.stateWeight] + biases {
        weights.fillUniformly(tensor, fanIn: width, seed: seed)
      }
      return
    }
    for (index, weight) in [tensors.inputWeight, tensors.stateWeight].enumerated() {
      initialization.fill(
        &weights, weight: weight, bias: biases[index], fanIn: index == 0 ? inputs : width,
        fanOut: sums, activation: nil, seed: seed)
    }
  }

  /// Where the parts of what is kept begin: gates, then values of a step by sample.
  private func kept(_ pass: LayerPass, _ part: Int) -> UnsafeMutablePointer<Float> {
    pass.saved + pass.samples * (length * sums + part * far)
  }

  /// Where the backward pass leaves the states before each step, and ∂loss/∂ the state's sums.
  private func before(_ pass: LayerPass) -> UnsafeMutablePointer<Float> {
    pass.scratch + 3 * pass.samples * width
  }
  private func stateSums(_ pass: LayerPass) -> UnsafeMutablePointer<Float> {
    cell == .gru ? before(pass) + pass.samples * far : pass.saved
  }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    let (samples, gates) = (pass.samples, pass.saved)
    let bias =
      tensors.stateBias.map {
        weights.base + weights.layout.segments[$0].range.lowerBound
      } ?? noBias.base
    compute.multiply(
      Matrix(pass.x, rows: samples * length, columns: inputs),
      Matrix(weights.pointer(tensors.inputWeight), rows: sums, columns: inputs).transposed,
      into: gates)
    cvk_bias(gates, weights.pointer(tensors.inputBias), samples * length, sums)
    let stateWeight = Matrix(
      weights.pointer(tensors.stateWeight), rows: sums, columns: width
    ).transposed
    let gap = length * sums
    let cellState = pass.state.map { UnsafePointer($0 + width) }
    pass.scratch.update(repeating: 0, count: samples * sums)
    for time in 0..<length {
      let (g, h) = (gates + time * sums, pass.y + time * width)
      let before = time > 0 ? h - width : pass.state
      if let before {
        compute.multiply(
          Matrix(before, rows: samples, columns: width, stride: far), stateWeight,
          into: pass.scratch)
      }
      switch cell {
      case .elman: cvk_elman_cell(g, gap, pass.scratch, bias, h, far, samples, width)
      case .lstm:
        let c = kept(pass, 0) + time * width
        cvk_lstm_cell(
          g, gap, pass.scratch, bias, time > 0 ? UnsafePointer(c - width) : cellState, c,
          kept(pass, 1) + time * width, h, far, samples, width)
      case .gru:
        cvk_gru_cell(
          g, gap, pass.scratch, bias, before, kept(pass, 0) + time * width, h, far, samples, width)
      }
    }
    if let state = pass.state {
      state.update(from: pass.y + far - width, count: width)
      if cell == .lstm { (state + width).update(from: kept(pass, 0) + far - width, count: width) }
    }
    tensors.showBiases(weights, in: pass.y, count: samples * far)
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let (samples, gates) = (pass.samples, pass.saved)
    let (rows, gap) = (samples * length, length * sums)
    // ∂loss/∂ a step's state, by way of later steps, and ∂loss/∂ its cell's memory.
    let d = pass.scratch
    let later = d + samples * width
    let memoryGradient = later + samples * width
    let (before, stateSums) = (before(pass), stateSums(pass))
    later.update(repeating: 0, count: 2 * samples * width)
    let stateWeight = Matrix(weights.pointer(tensors.stateWeight), rows: sums, columns: width)
    for time in (0..<length).reversed() {
      let (g, h) = (gates + time * sums, pass.y + time * width)
      for sample in 0..<samples {
        cvk_sum(
          d + sample * width, pass.dy + sample * far + time * width, later + sample * width, width)
      }
      switch cell {
      case .elman: cvk_elman_cell_backward(g, gap, d, h, far, samples, width)
      case .lstm:
        let c = kept(pass, 0) + time * width
        cvk_lstm_cell_backward(
          g, gap, d, memoryGradient, time > 0 ? c - width : nil, kept(pass, 1) + time * width,
          far, samples, width)
      case .gru:
        cvk_gru_cell_backward(
          g, stateSums + time * sums, gap, d, later, time > 0 ? h - width : nil,
          kept(pass, 0) + time * width, far, samples, width)
      }
      guard time > 0 else { break }
      compute.multiply(
        Matrix(stateSums + time * sums, rows: samples, columns: sums, stride: gap), stateWeight,
        into: later, accumulate: cell == .gru)
    }

    for sample in 0..<samples {
      let own = before + sample * far
      own.update(repeating: 0, count: width)
      (own + width).update(from: pass.y + sample * far, count: far - width)
    }
    if let squares = pass.sampleSquares { measure(pass, into: squares) }
    if !pass.defersGradients { makeGradients(pass, into: &gradient, finished: finished) }
    if let dx = pass.dx {
      compute.multiply(
        Matrix(gates, rows: rows, columns: sums),
        Matrix(weights.pointer(tensors.inputWeight), rows: sums, columns: inputs), into: dx)
    }
  }

  private func makeGradients(
    _ pass: LayerPass, into gradient: inout FlatVector, finished: (Int, inout FlatVector) -> Void
  ) {
    let (gates, stateSums, rows) = (pass.saved, stateSums(pass), pass.samples * length)
    let accumulate = pass.accumulates
    if let bias = tensors.stateBias {
      cvk_column_sums(gradient.pointer(bias), stateSums, rows, sums, accumulate ? 1 : 0)
      finished(bias, &gradient)
    }
    cvk_column_sums(gradient.pointer(tensors.inputBias), gates, rows, sums, accumulate ? 1 : 0)
    finished(tensors.inputBias, &gradient)
    compute.multiply(
      Matrix(stateSums, rows: rows, columns: sums).transposed,
      Matrix(before(pass), rows: rows, columns: width),
      into: gradient.pointer(tensors.stateWeight), accumulate: accumulate)
    finished(tensors.stateWeight, &gradient)
    compute.multiply(
      Matrix(gates, rows: rows, columns: sums).transposed,
      Matrix(pass.x, rows: rows, columns: inputs),
      into: gradient.pointer(tensors.inputWeight), accumulate: accumulate)
    finished(tensors.inputWeight, &gradient)
  }

  func deferredGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let (squares, stateSums) = (pass.sampleSquares!, stateSums(pass))
    squares.scale(bySample(pass, pass.saved, sums))
    if stateSums != pass.saved { squares.scale(bySample(pass, stateSums, sums)) }
    makeGradients(pass, into: &gradient, finished: finished)
  }

  private func bySample(_ pass: LayerPass, _ base: UnsafePointer<Float>, _ columns: Int)
    -> SampleRows
  {
    SampleRows(base, samples: pass.samples, rows: length, columns: columns)
  }

  /// Adds each sample's squares, from ∂loss/∂ the inputs' sums, which lie where the gates did, from
  /// those of the state's sums, and from the state before each step.
  private func measure(_ pass: LayerPass, into squares: SampleSquares) {
    let d = bySample(pass, pass.saved, sums)
    let dState = bySample(pass, stateSums(pass), sums)
    squares.addColumnSums(d)
    if tensors.stateBias != nil { squares.addColumnSums(dState) }
    squares.addProduct(d, bySample(pass, pass.x, inputs))
    squares.addProduct(dState, bySample(pass, before(pass), width))
  }
}
