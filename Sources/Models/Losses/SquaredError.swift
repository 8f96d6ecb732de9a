import ExperimentKeys
import Vectors

/// `model.loss = "squared-error"`: the mean over a sample's outputs of (output − target)², PyTorch's
/// `mse_loss` of one sample; ∂/∂output is 2/width · (output − target).
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
    let hasTargets = batch.shape.targets == width
    if !hasTargets { checkLabels(batch, classes: width) }
    var result = Evaluation(scored: hasTargets ? 0 : batch.count, count: batch.count)
    let factor = 2 * Double(scale) / Double(width)
    for sample in 0..<batch.count {
      let row = outputs + sample * width
      // Data with targets have no labels to read.
      let label = hasTargets ? -1 : Int(batch.labels[sample])
      var squares = 0.0
      var largest = 0
      for index in 0..<width {
        let target = hasTargets ? batch.targets[sample * width + index] : index == label ? 1 : 0
        let difference = Double(row[index]) - Double(target)
        squares += difference * difference
        if row[index] > row[largest] { largest = index }
        if let gradient { gradient[sample * width + index] = Float(factor * difference) }
      }
      result.lossSum += squares / Double(width)
      if !hasTargets, squares.isFinite, largest == label { result.score += 1 }
    }
    return result
  }
}

extension Loss where Self == SquaredError {
  public static var squaredError: SquaredError { SquaredError() }
}
