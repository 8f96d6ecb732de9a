import CVectorKernels
import ExperimentKeys
import Vectors

/// `model.loss = "cross-entropy"`: −log softmax(outputs)[label], PyTorch's `cross_entropy`.
///
/// The largest output is subtracted first, sums and logarithm are Doubles, so that outputs of any
/// finite size have a finite loss. An output that is not finite shows in the loss and in its
/// sample's gradient, even a −∞ that softmax would hide. A label outside 0 ..< width traps.
public struct CrossEntropy: Loss, Equatable {
  public static let kind = "cross-entropy"
  public static let summary = "The negative logarithm of the probability of the label."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    checkLabels(batch, classes: width)
    var correct = 0
    let lossSum = cvk_cross_entropy(
      outputs, batch.labels.baseAddress!, nil, batch.count, width, scale, gradient, &correct)
    return Evaluation(lossSum: lossSum, score: correct, scored: batch.count, count: batch.count)
  }
}

extension Loss where Self == CrossEntropy {
  public static var crossEntropy: CrossEntropy { CrossEntropy() }
}
