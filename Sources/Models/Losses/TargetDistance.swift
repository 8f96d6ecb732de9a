import Vectors

extension Loss {
  /// Measures a batch where a sample's loss is the mean of some function of each output's distance
  /// from its target, output − target. `term` is that function at a distance, and its derivative.
  ///
  /// The target is the batch's own where it has as many values as the model has outputs, else 1 at
  /// the label and 0 elsewhere.
  @inline(__always)
  func measureDistances(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
    gradient: UnsafeMutablePointer<Float>?, _ term: (Double) -> (loss: Double, slope: Double)
  ) -> Evaluation {
    let hasTargets = batch.shape.targets == width
    if !hasTargets { checkLabels(batch, classes: width) }
    var result = Evaluation(scored: hasTargets ? 0 : batch.count, count: batch.count)
    let factor = Double(scale) / Double(width)
    for sample in 0..<batch.count {
      let row = outputs + sample * width
      // Data with targets have no labels to read.
      let label = hasTargets ? -1 : Int(batch.labels[sample])
      var sum = 0.0
      var largest = 0
      for index in 0..<width {
        let target = hasTargets ? batch.targets[sample * width + index] : index == label ? 1 : 0
        let (loss, slope) = term(Double(row[index]) - Double(target))
        sum += loss
        if row[index] > row[largest] { largest = index }
        if let gradient { gradient[sample * width + index] = Float(factor * slope) }
      }
      result.lossSum += sum / Double(width)
      if !hasTargets, sum.isFinite, largest == label { result.score += 1 }
    }
    return result
  }
}

/// 1 with the sign of a number, and 0 for 0. Where the number is not finite it is NaN, so that a
/// bounded derivative shows it.
@inline(__always)
func direction(_ number: Double) -> Double {
  (number > 0 ? 1 : number < 0 ? -1 : 0) + 0 * number
}
