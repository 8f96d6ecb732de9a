import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "max-pool"`: the largest value of each window, channel by channel, PyTorch's
/// `nn.MaxPool2d`; what lies outside the image is no value, and a last incomplete window is left
/// out.
public struct MaxPool: PoolKind {
  public static let kind = "max-pool"
  public static let summary = "The largest value of each window of an image."
  public let window: PoolWindow

  public init(_ window: PoolWindow) { self.window = window }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let result = try window.result(of: x, in: network)
    return try network.apply(Largest(window, x.shape, result), to: x, making: result)
  }

  private final class Largest: PoolLayer {
    /// The pixel that each value is from.
    override var memory: LayerMemory { LayerMemory(saved: result.count) }

    private func choices(_ pass: LayerPass) -> UnsafeMutablePointer<Int32> {
      UnsafeMutableRawPointer(pass.saved).assumingMemoryBound(to: Int32.self)
    }

    override func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let choices = choices(pass)
      pass.threads.split(pass.samples) { samples in
        let (x, y) = (samples.lowerBound * shape.count, samples.lowerBound * result.count)
        cvk_max_pool(
          pass.y + y, choices + y, pass.x + x, samples.count, height, width, channels, window.size,
          window.stride, window.padding)
      }
    }

    override func add(_ pass: LayerPass, to dx: UnsafeMutablePointer<Float>) {
      let choices = choices(pass)
      pass.threads.split(pass.samples) { samples in
        let (x, y) = (samples.lowerBound * shape.count, samples.lowerBound * result.count)
        cvk_max_pool_backward(
          dx + x, pass.dy + y, choices + y, samples.count, shape.rows, result.rows, channels)
      }
    }
  }
}
