import Lockstep

/// `norm_per_loss` in `metrics.jsonl`, TensorBoard, the page and `--csv metrics`: how steep the loss
/// is, for its height.
struct NormPerLoss: Metric {
  let declaration = MetricDeclaration(
    "norm_per_loss", help: "The gradient's norm before clipping over the loss.")

  func value(of step: StepRecord) -> Double? {
    guard let norm = step.norm.global, let loss = step.loss, loss > 0 else { return nil }
    return norm / loss
  }
}
