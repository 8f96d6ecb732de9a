import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "flatten"`: an image's maps as one row of channel, row, column, PyTorch's `nn.Flatten`;
/// a text's rows one after the other.
public struct Flatten: LayerKind {
  public static let kind = "flatten"
  public static let summary = "All values of a sample as one row, channel by channel."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    if case .tokens = x.shape { throw network.misfit(x, wanted: "values") }
    return try network.apply(Transposition(x.shape), to: x, making: .values(x.shape.count))
  }

  /// Pixels of channels to channels of pixels.
  private final class Transposition: Layer {
    private let rows: Int
    private let columns: Int

    /// Without channels, or without pixels, the order is the same.
    init(_ shape: ActivationShape) {
      if case .maps = shape, shape.rows > 1, shape.width > 1 {
        (rows, columns) = (shape.rows, shape.width)
      } else {
        (rows, columns) = (1, shape.count)
      }
    }

    var memory: LayerMemory { LayerMemory(isInPlace: rows == 1) }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      transpose(pass.x, rows, columns, into: pass.y, samples: pass.samples)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      if let dx = pass.dx { transpose(pass.dy, columns, rows, into: dx, samples: pass.samples) }
    }

    private func transpose(
      _ x: UnsafePointer<Float>, _ rows: Int, _ columns: Int, into y: UnsafeMutablePointer<Float>,
      samples: Int
    ) {
      if self.rows == 1 {
        if x != UnsafePointer(y) { y.update(from: x, count: samples * columns * rows) }
        return
      }
      for sample in 0..<samples {
        let first = sample * rows * columns
        cvk_transpose(y + first, x + first, rows, columns)
      }
    }
  }
}
