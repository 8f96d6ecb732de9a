import ExperimentKeys
import Vectors

/// `model.loss = "absolute-error"`: the mean over a sample's outputs of |output − target|,
/// PyTorch's `l1_loss` of one sample; ∂/∂output is ±1/width, and 0 where output and target are
/// equal.
///
/// The target is the batch's own where it has as many values as the model has outputs, else 1 at
/// the label and 0 elsewhere.
public struct AbsoluteError: Loss, Equatable {
  public static let kind = "absolute-error"
  public static let summary =
    "The mean of the outputs' distances from the targets: far ones count less than by their square."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    measureDistances(outputs, width: width, batch: batch, scale: scale, gradient: gradient) {
      (abs($0), direction($0))
    }
  }
}

extension Loss where Self == AbsoluteError {
  public static var absoluteError: AbsoluteError { AbsoluteError() }
}
