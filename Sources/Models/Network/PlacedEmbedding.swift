import CVectorKernels
import Vectors

/// An embedding and positions in one pass: y = E[token] + P[place].
final class PlacedEmbedding: SampleMeasuringLayer {
  private let table: Embedding.Table
  private let positions: Positions.Rows

  init(_ table: Embedding.Table, _ positions: Positions.Rows) {
    (self.table, self.positions) = (table, positions)
  }

  var memory: LayerMemory { LayerMemory() }
  var reach: LayerReach { positions.reach }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    cvk_embed(
      pass.y, weights.pointer(table.weight), weights.pointer(positions.weight), pass.tokens,
      pass.samples * table.length, table.length, table.width)
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    positions.backward(pass, weights: weights, into: &gradient, finished: finished)
    table.backward(pass, weights: weights, into: &gradient, finished: finished)
  }

  func deferredGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    pass.sampleSquares!.scale(table.bySample(pass))
    positions.makeGradients(pass, into: &gradient, finished: finished)
    table.makeGradients(pass, into: &gradient, finished: finished)
  }
}
