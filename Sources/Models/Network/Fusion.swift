/// Two neighbours that one layer computes with fewer passes over memory, or fewer products.
struct Fusion: Sendable {
  private let merge: @Sendable (any Layer, any Layer) -> (any Layer)?

  /// `merge` makes one layer of two of which the second reads the first one's result: of the
  /// second one's other inputs, then the first one's. It returns nil for two that are not to be
  /// merged.
  init<First: Layer & SendableMetatype, Second: Layer & SendableMetatype>(
    _ first: First.Type, _ second: Second.Type,
    _ merge: @escaping @Sendable (First, Second) -> (any Layer)?
  ) {
    self.merge = { first, second in
      guard let first = first as? First, let second = second as? Second else { return nil }
      return merge(first, second)
    }
  }

  /// What neighbours, and what takes their place.
  static let all = [
    // Bias and function in one pass over the product, forward and backward.
    Fusion(LinearLayer.self, ElementwiseLayer.self) { $0.followed(by: $1.function) },
    Fusion(Conv.Layer.self, ElementwiseLayer.self) { $0.followed(by: $1.function) },
    // A residual branch's last product is added to the stream as it is made.
    Fusion(LinearLayer.self, Residual.Sum.self) { linear, _ in linear.addedToStream },
    // A token's row and its place's are added as they are read.
    Fusion(Embedding.Table.self, Positions.Rows.self) { PlacedEmbedding($0, $1) },
    // A token's sums are a function of the token: they are made once for each of the vocabulary.
    Fusion(Embedding.Table.self, RecurrentLayer.self) { TokenRecurrence($0, $1) },
  ]

  /// The layers with neighbours merged wherever nothing else reads what lies between them. Tensors
  /// keep their names, places and order, and results differ by rounding at most.
  static func merged(_ nodes: [NetworkBuilder.Node]) -> [NetworkBuilder.Node] {
    var readers: [Int: Int] = [:]
    for node in nodes { for value in node.inputs { readers[value.index, default: 0] += 1 } }
    var result: [NetworkBuilder.Node] = []
    for node in nodes {
      var node = node
      while let last = result.last, readers[last.result.index] == 1,
        last.segment == node.segment, node.inputs.contains(last.result),
        let layer = merged(last.layer, node.layer)
      {
        result.removeLast()
        node = NetworkBuilder.Node(
          layer: layer, inputs: node.inputs.filter { $0 != last.result } + last.inputs,
          result: node.result, path: node.path, kind: node.kind,
          tensors: last.tensors.lowerBound..<node.tensors.upperBound, segment: node.segment)
      }
      result.append(node)
    }
    return result
  }

  private static func merged(_ first: any Layer, _ second: any Layer) -> (any Layer)? {
    for fusion in all {
      if let layer = fusion.merge(first, second) { return layer }
    }
    return nil
  }
}
