import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "global-average-pool"`: each channel's mean over all pixels; of a text, each column's
/// over all tokens.
public struct GlobalAveragePool: LayerKind {
  public static let kind = "global-average-pool"
  public static let summary = "Each channel's mean over the image, or each column's over a text."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    switch x.shape {
    case .maps, .sequence:
      try network.apply(Means(x.shape), to: x, making: .values(x.shape.width))
    case .values, .tokens: throw network.misfit(x, wanted: "an image, or a text's values")
    }
  }

  private final class Means: Layer {
    private let shape: ActivationShape

    init(_ shape: ActivationShape) { self.shape = shape }

    var memory: LayerMemory { LayerMemory() }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      cvk_row_means(pass.y, pass.x, pass.samples, shape.rows, shape.width)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      guard let dx = pass.dx else { return }
      cvk_row_means_backward(dx, pass.dy, pass.samples, shape.rows, shape.width)
    }
  }
}
