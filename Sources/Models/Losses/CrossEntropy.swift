import CVectorKernels
import ExperimentKeys
import Glibc
import Vectors

/// `model.loss = "cross-entropy"`: −Σ tⱼ·log softmax(outputs)ⱼ, PyTorch's `cross_entropy`. The
/// target t is 1 at the label; with smoothing ε it is ε/width everywhere and 1 − ε more at the
/// label (Szegedy et al. 2016).
///
/// The largest output is subtracted first, sums and logarithm are Doubles, so that outputs of any
/// finite size have a finite loss. An output that is not finite shows in the loss and in its
/// sample's gradient, even a −∞ that softmax would hide. A label outside 0 ..< width traps.
public struct CrossEntropy: Loss, Equatable {
  public static let kind = "cross-entropy"
  public static let summary = "The negative logarithm of the probability of the label."
  /// ε, of at least 0 and below 1.
  public let labelSmoothing: Double

  public init(labelSmoothing: Double = 0) {
    precondition((0..<1).contains(labelSmoothing), "a smoothing of \(labelSmoothing)")
    self.labelSmoothing = labelSmoothing
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    labelSmoothing = try keys.number(
      "label_smoothing", default: 0, in: 0..<1,
      "the part of the target that all classes share, the label's own included")
  }

  /// One for each class, of data with labels: of a text, one for each token that may follow.
  public func outputs(for samples: SampleShape) throws(ExperimentError) -> Int {
    guard samples.labels > 0, samples.classes > 0 else { throw mismatch("labels") }
    return samples.classes
  }

  public func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    checkLabels(batch, classes: width)
    var correct = 0
    let lossSum = cvk_cross_entropy(
      outputs, batch.labels.baseAddress!, nil, batch.count, width, labelSmoothing, scale, gradient,
      &correct)
    return Evaluation(lossSum: lossSum, score: correct, scored: batch.count, count: batch.count)
  }

  public func predictionForm(for samples: SampleShape) -> PredictionForm { .probabilities }

  /// The softmax of the outputs, summed in Double.
  public func predict(
    _ outputs: UnsafePointer<Float>, width: Int, of samples: SampleShape,
    into values: UnsafeMutablePointer<Float>
  ) -> Int {
    let largest = largest(outputs, width)
    var sum = 0.0
    for index in 0..<width { sum += exp(Double(outputs[index]) - Double(outputs[largest])) }
    for index in 0..<width {
      values[index] = Float(exp(Double(outputs[index]) - Double(outputs[largest])) / sum)
    }
    return largest
  }
}

extension Loss where Self == CrossEntropy {
  public static var crossEntropy: CrossEntropy { CrossEntropy() }
}
