import ExperimentKeys

/// `kind = "repeat"`: the same layers several times, one after the other, each time with tensors
/// of their own: `5.0.weight`, `5.1.weight`.
public struct Repeat: LayerKind {
  public static let kind = "repeat"
  public static let summary = "A list of layers, several times over."
  public let count: Int
  public let layers: [any LayerKind]

  public init(_ count: Int, @LayerBuilder _ layers: () -> [any LayerKind]) {
    (self.count, self.layers) = (count, layers())
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    count = try keys.integer("count", default: 2, in: 1...1000, "how many times")
    layers = try keys.layers("layers", "what is repeated, a list as `model.layers`")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard !layers.isEmpty else { throw network.error("it has no layers") }
    var x = x
    for round in 0..<count { x = try network.add(layers, after: x, in: "\(round)") }
    return x
  }
}
