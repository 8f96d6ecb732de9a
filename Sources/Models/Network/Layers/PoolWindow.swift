import ExperimentKeys
import Vectors

/// The windows that a layer takes an image's pixels in.
public struct PoolWindow: Sendable, Equatable {
  /// The side of the square.
  public let size: Int
  /// Pixels from one to the next, both ways.
  public let stride: Int
  /// Pixels around the image that windows reach into.
  public let padding: Int

  init(_ size: Int, stride: Int?, padding: Int) {
    (self.size, self.stride, self.padding) = (size, stride ?? size, padding)
  }

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    size = try keys.integer("size", default: 2, in: 1...1024, "side of the window, in pixels")
    stride =
      try keys.integer(
        optional: "stride", in: 1...1024, "pixels from a window to the next; by default its side")
      ?? size
    padding = try keys.integer(
      "padding", default: 0, in: 0...512, "pixels around the image that windows reach into")
    guard padding * 2 <= size else {
      throw keys.error("padding", "\(padding): at most half of the window's size of \(size)")
    }
  }

  func result(of x: NetworkBuilder.Value, in network: NetworkBuilder) throws(ExperimentError)
    -> ActivationShape
  {
    guard case .maps(let channels, let height, let width) = x.shape else {
      throw network.misfit(x, wanted: "an image")
    }
    guard height + 2 * padding >= size, width + 2 * padding >= size else {
      throw network.misfit(x, wanted: "an image of at least \(size)×\(size) with its padding")
    }
    return .maps(
      channels: channels, height: (height + 2 * padding - size) / stride + 1,
      width: (width + 2 * padding - size) / stride + 1)
  }
}

/// A layer that makes one value of each window, channel by channel.
public protocol PoolKind: LayerKind {
  init(_ window: PoolWindow)
}

extension PoolKind {
  /// Windows of `size` × `size` pixels, `stride` apart, by default side by side.
  public init(_ size: Int = 2, stride: Int? = nil, padding: Int = 0) {
    self.init(PoolWindow(size, stride: stride, padding: padding))
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    self.init(try PoolWindow(&keys))
  }
}

/// What layers share that take an image window by window.
class PoolLayer: Layer {
  let window: PoolWindow
  let shape: ActivationShape
  let result: ActivationShape
  let height: Int
  let width: Int

  init(_ window: PoolWindow, _ shape: ActivationShape, _ result: ActivationShape) {
    (self.window, self.shape, self.result) = (window, shape, result)
    guard case .maps(_, let height, let width) = shape else { fatalError("no image: \(shape)") }
    (self.height, self.width) = (height, width)
  }

  var channels: Int { shape.width }
  var memory: LayerMemory { LayerMemory() }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    fatalError("a pool computes its result itself")
  }

  /// Adds ∂loss/∂x.
  func add(_ pass: LayerPass, to dx: UnsafeMutablePointer<Float>) {
    fatalError("a pool computes its gradient itself")
  }

  final func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    guard let dx = pass.dx else { return }
    dx.update(repeating: 0, count: pass.samples * shape.count)
    add(pass, to: dx)
  }
}
