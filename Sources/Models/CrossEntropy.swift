import CVectorKernels
import Vectors

/// Softmax and log-likelihood in one: the largest output is subtracted first, sums and logarithm
/// are Doubles, so that outputs of any finite size have a finite loss. An output that is not finite
/// shows in the loss and in its sample's gradient, even a -∞ that softmax would hide.
func softmaxCrossEntropy(
  _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
  gradient: UnsafeMutablePointer<Float>?
) -> Evaluation {
  checkLabels(batch, classes: width)
  var correct = 0
  let lossSum = cvk_cross_entropy(
    outputs, batch.labels.baseAddress!, nil, batch.count, width, scale, gradient, &correct)
  return Evaluation(lossSum: lossSum, score: correct, scored: batch.count, count: batch.count)
}
