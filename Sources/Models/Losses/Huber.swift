import ExperimentKeys
import Vectors

/// `model.loss = "huber"`: the mean over a sample's outputs of ½·d² up to a distance d of δ from
/// the target, and of δ·(|d| − ½·δ) beyond, PyTorch's `huber_loss` of one sample (Huber 1964).
///
/// The target is the batch's own where it has as many values as the model has outputs, else 1 at
/// the label and 0 elsewhere.
public struct Huber: Loss, Equatable {
  public static let kind = "huber"
  public static let summary =
    "Half the square of the outputs' distances from the targets up to a distance, a line beyond it."
  /// δ, above 0.
  public let delta: Double

  public init(delta: Double = 1) {
    precondition(delta > 0 && delta.isFinite, "a distance of \(delta)")
    self.delta = delta
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    delta = try keys.number(
      "huber_delta", default: 1, wanted: "a number above 0",
      "the distance up to which the loss is a square"
    ) { $0 > 0 }
  }

  public func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    measureDistances(outputs, width: width, batch: batch, scale: scale, gradient: gradient) {
      let size = abs($0)
      return size <= delta
        ? (0.5 * size * size, $0) : (delta * (size - 0.5 * delta), delta * direction($0))
    }
  }
}

extension Loss where Self == Huber {
  public static var huber: Huber { Huber() }
}
