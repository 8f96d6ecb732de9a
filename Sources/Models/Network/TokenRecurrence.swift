import CVectorKernels
import Vectors

/// An embedding and the recurrent layer that reads it.
///
/// A token's own sums, W·embedding + b, are a function of the token: they are made once for each
/// token of the vocabulary, and their gradients added up by token, which takes the embedding and its
/// matrix out of the steps altogether. States lie by time, so that each step's are one matrix.
final class TokenRecurrence: SampleMeasuringLayer {
  private let table: Embedding.Table
  private let layer: RecurrentLayer
  private let compute: ComputeContext
  /// The state's product, by the number of sequences.
  private var stateProducts: [Int: RepeatedProduct] = [:]
  /// The embeddings of a sample's tokens, and then their gradients.
  private let rowsOfTokens = Workspace()
  /// ∂loss/∂ the sums of a sample's steps, and the states before these.
  private let ofSample = Workspace()

  /// Nil where it is not faster: for a vocabulary that is large compared with the tokens of a batch.
  init?(_ table: Embedding.Table, _ layer: RecurrentLayer) {
    guard layer.cell != .gru, !table.isShared, table.vocabulary <= 16 * layer.length else {
      return nil
    }
    (self.table, self.layer, compute) = (table, layer, layer.compute)
  }

  /// How many rows the state's weights are best given their gradient from at a time: measured with
  /// AVX-512 on 1024 × 256 weights, 110 GFLOP/s with 128 rows, 98 with 2048.
  private static let mostGradientRows = 128

  private var sums: Int { layer.sums }
  private var width: Int { layer.width }
  private var length: Int { layer.length }
  private var vocabulary: Int { table.vocabulary }
  private var tensors: RecurrentLayer.Tensors { layer.tensors }
  /// What the steps of a sample keep; its tokens follow.
  private var kept: Int {
    RecurrentSteps.count(layer.cell, rows: 1, hidden: width, length: length)
  }

  var memory: LayerMemory {
    LayerMemory(saved: kept + length, scratch: width, fixedScratch: vocabulary * sums)
  }

  var reach: LayerReach { layer.reach }

  /// The state's product at every step, and its two gradients, of which ∂loss/∂h is not needed at
  /// the first.
  func multiplyAdds(isFirst: Bool) -> Int { (3 * length - 1) * sums * width }

  /// Three products of the tokens' table.
  var fixedMultiplyAdds: Int { 3 * vocabulary * sums * table.width }

  private func stateProduct(rows: Int) -> RepeatedProduct {
    if let product = stateProducts[rows] { return product }
    let product = RepeatedProduct(rows: rows, columns: sums, inner: width, by: compute)
    stateProducts[rows] = product
    return product
  }

  private func steps(_ pass: LayerPass) -> RecurrentSteps {
    RecurrentSteps(
      layer.cell, rows: pass.samples, hidden: width, length: length, in: pass.saved)
  }

  /// The samples' tokens by time.
  private func tokens(_ pass: LayerPass) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(pass.saved + pass.samples * kept).assumingMemoryBound(to: Int32.self)
  }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    let (samples, steps, tokens) = (pass.samples, steps(pass), tokens(pass))
    for sample in 0..<samples {
      for time in 0..<length {
        tokens[time * samples + sample] = pass.tokens[sample * length + time]
      }
    }
    let byToken = pass.fixedScratch
    compute.multiply(
      Matrix(weights.pointer(table.weight), rows: vocabulary, columns: table.width),
      Matrix(weights.pointer(tensors.inputWeight), rows: sums, columns: table.width).transposed,
      into: byToken)
    cvk_bias(byToken, weights.pointer(tensors.inputBias), vocabulary, sums)
    if let bias = tensors.stateBias { cvk_bias(byToken, weights.pointer(bias), vocabulary, sums) }
    steps.start(pass.state)
    let product = stateProduct(rows: samples)
    product.take(weights.pointer(tensors.stateWeight))
    for time in 0..<length {
      product.run(steps.state(time), into: steps.sums(time))
      steps.forward(time, table: byToken, tokens: tokens, on: compute.threads)
      if pass.rowsLieByTime {
        (pass.y + time * samples * width).update(
          from: steps.state(time + 1), count: samples * width)
        continue
      }
      for sample in 0..<samples {
        (pass.y + (sample * length + time) * width).update(
          from: steps.state(time + 1) + sample * width, count: width)
      }
    }
    if let state = pass.state { steps.end(state) }
    tensors.showBiases(weights, in: pass.y, count: samples * length * width)
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let (samples, steps) = (pass.samples, steps(pass))
    let stateWeight = Matrix(weights.pointer(tensors.stateWeight), rows: sums, columns: width)
    if !pass.defersGradients { beginGradients(pass) }
    for time in (0..<length).reversed() {
      let dh: UnsafeMutablePointer<Float>
      if pass.rowsLieByTime {
        dh = pass.dy + time * samples * width
      } else {
        dh = pass.scratch
        for sample in 0..<samples {
          (dh + sample * width).update(
            from: pass.dy + (sample * length + time) * width, count: width)
        }
      }
      if time < length - 1 {
        compute.multiply(
          Matrix(steps.sums(time + 1), rows: samples, columns: sums), stateWeight, into: dh,
          accumulate: true)
      }
      steps.backward(time, dh: dh, on: compute.threads)
      if !pass.defersGradients { addGradients(pass, of: time, into: &gradient) }
    }
    if let squares = pass.sampleSquares { measure(pass, steps, weights, into: squares) }
    if !pass.defersGradients {
      endGradients(pass, weights: weights, into: &gradient, finished: finished)
    }
  }

  func deferredGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    pass.sampleSquares!.scale(
      SampleRows(
        steps(pass).sums(0), samples: pass.samples, rows: length, columns: sums, byTime: true))
    beginGradients(pass)
    for time in (0..<length).reversed() { addGradients(pass, of: time, into: &gradient) }
    endGradients(pass, weights: weights, into: &gradient, finished: finished)
  }

  /// Before the gradients of steps are added.
  private func beginGradients(_ pass: LayerPass) {
    pass.fixedScratch.update(repeating: 0, count: vocabulary * sums)
  }

  /// Adds step `time`'s gradients by token. The state's weights get theirs from a few steps at a
  /// time, as soon as these are done. Called from the last step to the first.
  private func addGradients(_ pass: LayerPass, of time: Int, into gradient: inout FlatVector) {
    let (samples, steps) = (pass.samples, steps(pass))
    cvk_add_by_token(
      pass.fixedScratch, steps.sums(time), tokens(pass) + time * samples, samples, sums)
    let few = max(1, Self.mostGradientRows / samples)
    guard time % few == 0 else { return }
    let some = min(few, length - time)
    compute.multiply(
      Matrix(steps.sums(time), rows: some * samples, columns: sums).transposed,
      Matrix(steps.state(time), rows: some * samples, columns: width),
      into: gradient.pointer(tensors.stateWeight),
      accumulate: pass.accumulates || time + some < length)
  }

  /// Of the sums' gradients by token the biases and all that lies before them get theirs.
  private func endGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    let (byToken, accumulate) = (pass.fixedScratch, pass.accumulates)
    if let bias = tensors.stateBias {
      cvk_column_sums(gradient.pointer(bias), byToken, vocabulary, sums, accumulate ? 1 : 0)
      finished(bias, &gradient)
    }
    cvk_column_sums(
      gradient.pointer(tensors.inputBias), byToken, vocabulary, sums, accumulate ? 1 : 0)
    finished(tensors.inputBias, &gradient)
    finished(tensors.stateWeight, &gradient)
    let byTokenRows = Matrix(byToken, rows: vocabulary, columns: sums)
    compute.multiply(
      byTokenRows.transposed,
      Matrix(weights.pointer(table.weight), rows: vocabulary, columns: table.width),
      into: gradient.pointer(tensors.inputWeight), accumulate: accumulate)
    finished(tensors.inputWeight, &gradient)
    compute.multiply(
      byTokenRows, Matrix(weights.pointer(tensors.inputWeight), rows: sums, columns: table.width),
      into: gradient.pointer(table.weight), accumulate: accumulate)
    finished(table.weight, &gradient)
  }

  /// Adds each sample's squares: of the state's weight from its steps, of all else from the sums'
  /// gradients by token.
  private func measure(
    _ pass: LayerPass, _ steps: RecurrentSteps, _ weights: borrowing FlatVector,
    into squares: SampleSquares
  ) {
    let samples = pass.samples
    let embeddings = weights.pointer(table.weight)
    let inputWeight = Matrix(weights.pointer(tensors.inputWeight), rows: sums, columns: table.width)
    let rows = rowsOfTokens
    rows.reserve(length * table.width)
    ofSample.reserve(length * (sums + width))
    let (d, states) = (ofSample.base, ofSample.base + length * sums)
    for sample in 0..<samples {
      // Rows that lie a step of all samples apart would fall into few sets of the caches.
      for time in 0..<length {
        (d + time * sums).update(from: steps.sums(time) + sample * sums, count: sums)
        (states + time * width).update(from: steps.state(time) + sample * width, count: width)
      }
      squares.add(
        squares.square(
          Matrix(d, rows: length, columns: sums), Matrix(states, rows: length, columns: width)),
        to: sample)
      let byToken = squares.tokens
      let distinct = byToken.sum(
        d, stride: sums, pass.tokens + sample * length, count: length, columns: sums,
        vocabulary: vocabulary)
      for (row, token) in byToken.tokens.enumerated() {
        (rows.base + row * table.width).update(
          from: embeddings + token * table.width, count: table.width)
      }
      let ofToken = Matrix(byToken.base, rows: distinct, columns: sums)
      squares.add(
        (tensors.stateBias == nil ? 1 : 2) * squares.squareOfColumnSums(ofToken)
          + squares.square(ofToken, Matrix(rows.base, rows: distinct, columns: table.width)),
        to: sample)
      compute.multiply(ofToken, inputWeight, into: rows.base)
      squares.add(cvk_sum_of_squares(rows.base, distinct * table.width), to: sample)
    }
  }
}
