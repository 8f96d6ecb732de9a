/// The tensors that an optimiser's weight decay acts on, as `optimizer.decay` names them.
public enum DecayedTensors: String, CaseIterable, Sendable {
  /// Every tensor.
  case all
  /// Those of two or more dimensions: biases and the gains of normalisations keep their size.
  case matrices

  /// Whether weight decay acts on a tensor.
  public func contains(_ tensor: TensorLayout.Segment) -> Bool {
    self == .all || tensor.shape.count > 1
  }
}
