import ExperimentKeys
import Vectors

/// `kind = "tied-head"`: a logit for every token, x·Eᵀ with the table E of an embedding (Press and
/// Wolf 2016).
public struct TiedHead: LayerKind {
  public static let kind = "tied-head"
  public static let summary = "A value for every token, by the table of an embedding."
  /// The embedding's path, `0`; nil for the first.
  public let embedding: String?

  public init(_ embedding: String? = nil) { self.embedding = embedding }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    embedding = try keys.string(
      optional: "embedding", "number or name of the embedding; by default the first")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard let table = network.table(embedding) else {
      throw network.error(
        embedding.map { "there is no embedding \"\($0)\" before it" }
          ?? "there is no embedding before it")
    }
    guard let shape = x.shape.with(width: table.vocabulary), x.shape.width == table.width else {
      throw network.misfit(x, wanted: "rows as wide as the embedding, \(table.width) values")
    }
    guard table.share() else {
      throw network.error("the embedding has a tied head already")
    }
    let logits = try network.apply(
      LinearLayer(
        rows: x.shape.rows, inputs: table.width, outputs: table.vocabulary, weight: table.weight,
        bias: nil, tied: table.tied, by: network.compute
      ) { _, _ in }, to: x, making: shape)
    network.shareMatrix(table.weight)
    return logits
  }
}
