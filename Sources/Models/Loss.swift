import Vectors

/// What a model's outputs are measured by.
public enum Loss: String, Sendable, CaseIterable {
  /// -log softmax(outputs)[label], PyTorch's `cross_entropy`.
  case crossEntropy = "cross-entropy"
  /// Mean over the outputs of (output - target)², PyTorch's `mse_loss` of one sample. The target is
  /// the batch's own where it has as many values as the model has outputs, else 1 at the label and
  /// 0 elsewhere.
  case squaredError = "squared-error"

  /// The batch's losses and right answers; with `gradient`, also scale · ∂loss/∂outputs into that.
  ///
  /// `outputs` and `gradient` are row-major, batch.count × width. A label outside 0 ..< width
  /// traps.
  func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    switch self {
    case .crossEntropy:
      softmaxCrossEntropy(outputs, width: width, batch: batch, scale: scale, gradient: gradient)
    case .squaredError:
      meanSquaredError(outputs, width: width, batch: batch, scale: scale, gradient: gradient)
    }
  }
}

/// Traps unless every label names one of `classes`: a wrong one would read memory that is not the
/// model's.
func checkLabels(_ batch: borrowing Batch, classes: Int) {
  for sample in 0..<batch.count where !(0..<classes).contains(Int(batch.labels[sample])) {
    fatalError(
      "label \(batch.labels[sample]) of sample \(sample) in its batch names no class of a model with \(classes) outputs"
    )
  }
}
