import Vectors

/// Mean over a sample's outputs of (output - target)², summed over samples in Double; ∂/∂output is
/// 2/width · (output - target).
func meanSquaredError(
  _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
  gradient: UnsafeMutablePointer<Float>?
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
