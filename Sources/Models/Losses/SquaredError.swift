import ExperimentKeys
import Vectors

/// `model.loss = "squared-error"`: the mean over a sample's outputs of (output − target)²,
/// PyTorch's `mse_loss` of one sample; ∂/∂output is 2/width · (output − target).
///
/// The target is the batch's own where it has as many values as the model has outputs, else 1 at
/// the label and 0 elsewhere.
public struct SquaredError: Loss, Equatable {
  public static let kind = "squared-error"
  public static let summary = "The mean square of the outputs' distances from the targets."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    measureDistances(outputs, width: width, batch: batch, scale: scale, gradient: gradient) {
      ($0 * $0, 2 * $0)
    }
  }
}

extension Loss where Self == SquaredError {
  public static var squaredError: SquaredError { SquaredError() }
}
