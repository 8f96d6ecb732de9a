import Vectors

/// A line of the table of a model's layers.
public struct LayerSummary: Sendable, Equatable {
  /// The layer's name: that of its tensors without their last part.
  public var path: String
  /// What it is; empty where the model does not say.
  public var kind: String
  /// What it makes of a sample, in words; empty where the model does not say.
  public var result: String
  public var parameters: Int
  /// Multiply-adds of a sample, forward and backward; nil where the model does not count them by
  /// layer.
  public var multiplyAdds: Int?

  public init(_ path: String, kind: String, result: String, parameters: Int, multiplyAdds: Int?) {
    (self.path, self.kind, self.result) = (path, kind, result)
    (self.parameters, self.multiplyAdds) = (parameters, multiplyAdds)
  }
}

extension Model {
  /// The layers that have tensors, by the names of these.
  public var layerSummaries: [LayerSummary] {
    var layers: [LayerSummary] = []
    for tensor in layout.segments {
      let path = tensor.name.split(separator: ".").dropLast().joined(separator: ".")
      if layers.last?.path == path {
        layers[layers.count - 1].parameters += tensor.count
      } else {
        layers.append(
          LayerSummary(path, kind: "", result: "", parameters: tensor.count, multiplyAdds: nil))
      }
    }
    return layers
  }
}

extension Network {
  /// What one layer of the list becomes is one line.
  public var layerSummaries: [LayerSummary] {
    var layers: [LayerSummary] = []
    for node in listed {
      let parameters = node.tensors.reduce(0) { $0 + layout.segments[$1].count }
      let multiplyAdds = node.layer.multiplyAdds(
        isFirst: !node.inputs.contains(where: \.isTrained))
      if let last = layers.last, last.path == node.path, last.kind == node.kind {
        layers[layers.count - 1].result = "\(node.result.shape)"
        layers[layers.count - 1].parameters += parameters
        layers[layers.count - 1].multiplyAdds! += multiplyAdds
      } else {
        layers.append(
          LayerSummary(
            node.path, kind: node.kind, result: "\(node.result.shape)", parameters: parameters,
            multiplyAdds: multiplyAdds))
      }
    }
    return layers
  }
}
