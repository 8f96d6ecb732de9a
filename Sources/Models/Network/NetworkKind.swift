import ExperimentKeys
import Vectors

/// `model.kind = "network"`: layers that the experiment lists.
public struct NetworkKind: ModelKind {
  public static let kind = "network"
  public static let summary = "Layers of your own, in a list."
  public static let usualDecay = DecayedTensors.matrices
  public let layers: [any LayerKind]
  public let loss: any Loss

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    loss = try keys.kind("loss", of: Losses.self, "what the outputs are measured by") {
      (kind, keys) throws(ExperimentError) -> any Loss in try kind.init(&keys)
    }
    layers = try keys.layers(
      "layers", example: "[{ kind = \"flatten\" }, { kind = \"dense\", width = \"classes\" }]",
      missing: "a network needs its layers, such as [{ kind = \"dense\", width = \"classes\" }]",
      "the layers, first to last")
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    try Network(layers, loss: loss, for: samples, seed: seed)
  }
}
