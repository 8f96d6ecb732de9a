import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "residual"`: y = layers(x) + shortcut(x); without a shortcut layers(x) + x (He et al.
/// 2015, arXiv 1512.03385).
public struct Residual: LayerKind {
  public static let kind = "residual"
  public static let summary = "Layers whose result is added to what went in."
  public let layers: [any LayerKind]
  public let shortcut: [any LayerKind]
  /// Whether activations within it are computed again in the backward pass instead of kept: less
  /// memory, about a third more time. Gradients are the same to the bit.
  public let recompute: Bool
  /// What stands before the names of the layers; nil for nothing.
  private let group: String?

  public init(recompute: Bool = false, @LayerBuilder _ layers: () -> [any LayerKind]) {
    self.init(recompute: recompute, layers, shortcut: {})
  }

  public init(
    recompute: Bool = false, @LayerBuilder _ layers: () -> [any LayerKind],
    @LayerBuilder shortcut: () -> [any LayerKind]
  ) {
    (self.layers, self.shortcut, group) = (layers(), shortcut(), "layers")
    self.recompute = recompute
  }

  /// Layers under their own names.
  init(unnamed layers: [any LayerKind]) {
    (self.layers, shortcut, group, recompute) = (layers, [], nil, false)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    layers = try keys.layers("layers", "what is added to the input, a list as `model.layers`")
    shortcut = try keys.layers(
      "shortcut", "what the input goes through before it is added; by default nothing")
    recompute = try keys.recompute()
    group = "layers"
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard !layers.isEmpty else { throw network.error("it has no layers") }
    return try network.segment(recompute: recompute) { (network) throws(ExperimentError) in
      try addParts(to: &network, after: x)
    }
  }

  private func addParts(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let y = try network.add(layers, after: x, in: group)
    let other = try network.add(shortcut, after: x, in: "shortcut")
    guard y.shape == other.shape else {
      throw network.error(
        "its layers make \(y.shape), which cannot be added to \(other.shape)\(shortcut.isEmpty ? ": give it a shortcut that changes the shape as they do" : " of the shortcut")"
      )
    }
    return try network.apply(Sum(y.shape), to: y, other, making: y.shape)
  }

  /// The sum of two values.
  final class Sum: Layer {
    private let count: Int

    init(_ shape: ActivationShape) { count = shape.count }

    var memory: LayerMemory { LayerMemory(isInPlace: true) }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      cvk_sum(pass.y, pass.x, pass.second!, pass.samples * count)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      for d in [pass.dx, pass.dSecond] {
        guard let d, d != pass.dy else { continue }
        d.update(from: pass.dy, count: pass.samples * count)
      }
    }
  }
}
