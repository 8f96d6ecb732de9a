import ExperimentKeys

/// `kind = "repeat"`: the same layers several times, one after the other, each time with tensors
/// of their own: `5.0.weight`, `5.1.weight`.
public struct Repeat: LayerKind {
  public static let kind = "repeat"
  public static let summary = "A list of layers, several times over."
  public let count: Int
  public let layers: [any LayerKind]
  /// Whether each time's activations are computed again in the backward pass instead of kept: less
  /// memory, about a third more time. Gradients are the same to the bit.
  public let recompute: Bool

  public init(
    _ count: Int, recompute: Bool = false, @LayerBuilder _ layers: () -> [any LayerKind]
  ) {
    (self.count, self.recompute, self.layers) = (count, recompute, layers())
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    count = try keys.integer("count", default: 2, in: 1...1000, "how many times")
    recompute = try keys.recompute()
    layers = try keys.layers("layers", "what is repeated, a list as `model.layers`")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard !layers.isEmpty else { throw network.error("it has no layers") }
    var x = x
    for round in 0..<count {
      x = try network.segment(recompute: recompute) { (network) throws(ExperimentError) in
        try network.add(layers, after: x, in: "\(round)")
      }
    }
    return x
  }
}
