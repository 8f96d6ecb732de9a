import CVectorKernels
import Vectors

/// An image's planes, as data sets have them, with the channels last.
final class ChannelsLast: Layer {
  private let shape: ActivationShape

  init(_ shape: ActivationShape) { self.shape = shape }

  var memory: LayerMemory { LayerMemory() }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    for sample in 0..<pass.samples {
      let first = sample * shape.count
      cvk_transpose(pass.y + first, pass.x + first, shape.width, shape.rows)
    }
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {}
}
