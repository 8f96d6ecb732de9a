import CVectorKernels
import ExperimentKeys
import Glibc
import Vectors

/// `model.loss = "binary-cross-entropy"`: the mean over a sample's outputs of
/// −t·log σ(output) − (1 − t)·log(1 − σ(output)), PyTorch's `binary_cross_entropy_with_logits` of
/// one sample; ∂/∂output is (σ(output) − t)/width.
///
/// Each target t is a probability, such as whether one of several tags applies. Data with labels of
/// two classes have one output, and their label is its target: an output above 0 means class 1.
/// Outputs of any finite size have a finite loss; one that is not finite makes the loss so.
public struct BinaryCrossEntropy: Loss, Equatable {
  public static let kind = "binary-cross-entropy"
  public static let summary =
    "Cross-entropy of each output by itself, a probability's logit: of the second of two classes, or of each of several targets from 0 to 1."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public var targetRange: ClosedRange<Float>? { 0...1 }

  public func outputs(for samples: SampleShape) throws(ExperimentError) -> Int {
    if samples.targets > 0 { return samples.targets }
    guard samples.labels == 1, samples.classes == 2 else {
      throw mismatch("labels of two classes, or targets from 0 to 1")
    }
    return 1
  }

  public func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) -> Evaluation {
    var result = Evaluation(count: batch.count)
    if batch.shape.targets == width {
      result.lossSum =
        cvk_bernoulli(
          outputs, batch.targets.baseAddress!, batch.count * width, Double(scale) / Double(width),
          gradient) / Double(width)
      return result
    }
    precondition(width == 1, "labels of two classes have 1 output, not \(width)")
    checkLabels(batch, classes: 2)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: batch.count) { targets in
      for sample in 0..<batch.count {
        let label = batch.labels[sample]
        targets.initializeElement(at: sample, to: Float(label))
        if outputs[sample].isFinite, (outputs[sample] > 0) == (label == 1) { result.score += 1 }
      }
      result.lossSum = cvk_bernoulli(
        outputs, targets.baseAddress!, batch.count, Double(scale), gradient)
    }
    result.scored = batch.count
    return result
  }

  public func predictionForm(for samples: SampleShape) -> PredictionForm {
    samples.targets > 0 ? .values : .probabilities
  }

  /// The probability of each target or, of labels, of the two classes.
  public func predict(
    _ outputs: UnsafePointer<Float>, width: Int, of samples: SampleShape,
    into values: UnsafeMutablePointer<Float>
  ) -> Int {
    func probability(_ logit: Double) -> Float { Float(1 / (1 + exp(-logit))) }
    if samples.targets > 0 {
      for index in 0..<width { values[index] = probability(Double(outputs[index])) }
      return 0
    }
    values[0] = probability(-Double(outputs[0]))
    values[1] = probability(Double(outputs[0]))
    return outputs[0] > 0 ? 1 : 0
  }
}

extension Loss where Self == BinaryCrossEntropy {
  public static var binaryCrossEntropy: BinaryCrossEntropy { BinaryCrossEntropy() }
}
