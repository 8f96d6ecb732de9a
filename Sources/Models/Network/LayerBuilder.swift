import ExperimentKeys
import Vectors

/// Lists layers in Swift: `Network(loss: …) { Dense(256, .relu); Residual { … } }`.
@resultBuilder public enum LayerBuilder {
  public static func buildExpression(_ layer: any LayerKind) -> [any LayerKind] { [layer] }
  public static func buildExpression(_ layers: [any LayerKind]) -> [any LayerKind] { layers }
  public static func buildBlock(_ layers: [any LayerKind]...) -> [any LayerKind] {
    layers.flatMap { $0 }
  }
  public static func buildArray(_ layers: [[any LayerKind]]) -> [any LayerKind] {
    layers.flatMap { $0 }
  }
  public static func buildOptional(_ layers: [any LayerKind]?) -> [any LayerKind] { layers ?? [] }
  public static func buildEither(first layers: [any LayerKind]) -> [any LayerKind] { layers }
  public static func buildEither(second layers: [any LayerKind]) -> [any LayerKind] { layers }
}

extension LayerKind {
  /// This layer with a name in the place of its number: `Dense(10).named("head")`.
  public func named(_ name: String) -> any LayerKind { NamedLayer(name, self) }
}

extension Network {
  /// Composes layers in Swift.
  public convenience init(
    for samples: SampleShape, loss: any Loss = .crossEntropy, seed: UInt64 = 1,
    @LayerBuilder _ layers: () -> [any LayerKind]
  ) throws(ExperimentError) {
    try self.init(layers(), loss: loss, for: samples, seed: seed)
  }
}
