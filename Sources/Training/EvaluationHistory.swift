import Recording

/// What the evaluations of the rows held out have shown so far, as every rank knows it: part of
/// checkpoints.
struct EvaluationHistory: Codable, Equatable {
  private(set) var count = 0
  private(set) var last: Point?
  /// The first evaluation with the lowest loss.
  private(set) var best: Point?
  /// Evaluations after it.
  private(set) var sinceBest = 0
  /// What `best.safetensors` is; nil where it was not written. Its digest is known to rank 0.
  var bestFile: BestFile?

  /// A loss and the step that it is of; nil where it was not finite.
  struct Point: Codable, Equatable {
    var step: Int
    var loss: Double?
  }

  /// The step that the weights are of, and the file's digest.
  struct BestFile: Codable, Equatable {
    var step: Int
    var sha256: String?
  }

  /// Takes in an evaluation, in the order of steps, and returns whether it has the lowest loss so
  /// far: a loss that is not finite never has.
  @discardableResult
  mutating func record(_ record: EvaluationRecord) -> Bool {
    let loss = record.scores.loss
    count += 1
    last = Point(step: record.step, loss: loss.isFinite ? loss : nil)
    guard loss.isFinite, loss < best?.loss ?? .infinity else {
      sinceBest += 1
      return false
    }
    best = last
    sinceBest = 0
    return true
  }

  /// Why training is to end, as a sentence; nil while it goes on, and without a patience.
  func ending(patience: Int?) -> String? {
    guard let patience, sinceBest >= patience, let last else { return nil }
    let evaluations = NumberFormat.counted(sinceBest, "evaluation")
    let since =
      best.map {
        "its lowest, \(NumberFormat.formatted($0.loss)), was of step \(NumberFormat.grouped($0.step))"
      } ?? "it never was finite"
    return
      "Patience ended training after step \(NumberFormat.grouped(last.step)): in \(evaluations) the loss on the rows held out has not fallen; \(since)."
  }
}
