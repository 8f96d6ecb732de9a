import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "average-pool"`: the mean of each window, channel by channel, PyTorch's `nn.AvgPool2d`:
/// what lies outside the image counts as 0.
public struct AveragePool: PoolKind {
  public static let kind = "average-pool"
  public static let summary = "The mean of each window of an image."
  public let window: PoolWindow

  public init(_ window: PoolWindow) { self.window = window }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let result = try window.result(of: x, in: network)
    return try network.apply(Means(window, x.shape, result), to: x, making: result)
  }

  private final class Means: PoolLayer {
    override func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      cvk_average_pool(
        pass.y, pass.x, pass.samples, height, width, channels, window.size, window.stride,
        window.padding)
    }

    override func add(_ pass: LayerPass, to dx: UnsafeMutablePointer<Float>) {
      cvk_average_pool_backward(
        dx, pass.dy, pass.samples, height, width, channels, window.size, window.stride,
        window.padding)
    }
  }
}
