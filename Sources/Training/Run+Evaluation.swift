import Configuration
import GradientReduction
import MPI
import Recording

// The rows held out while a run trains, and the weights that it leaves.
extension Run {
  /// Evaluates the rows held out, where it is time and has not been done. Collective.
  func evaluateHeldOut(on world: borrowing Communicator) throws {
    guard trainer.isEvaluationDue, history.evaluations?.last?.step != trainer.stepsDone else {
      return
    }
    // An evaluation that fails leaves the trained weights.
    if trainer.isDone { try writeFinalWeights(on: world) }
    guard let scores = try trainer.evaluateHeldOut(on: world) else { return }
    let record = EvaluationRecord(
      step: trainer.stepsDone, epoch: trainer.epoch, scores: scores,
      average: try trainer.evaluateAverageHeldOut(on: world))
    let isBest = history.record(record)
    try recorder?.record(record)
    guard isBest, experiment.evaluation.best else { return }
    let digest = try trainer.writeFinalWeights(
      to: directory.bestWeights, notes: ["step": String(record.step)], holding: lock, on: world)
    history.evaluations?.bestFile = EvaluationHistory.BestFile(step: record.step, sha256: digest)
  }

  /// Why evaluations have ended training; nil where they have not.
  var patienceEnding: String? {
    history.evaluations?.ending(patience: experiment.evaluation.patience)
  }

  /// Whether there is nothing more to train.
  var isDone: Bool { trainer.isDone || patienceEnding != nil }

  /// Writes the trained weights, once. Collective.
  func writeFinalWeights(on world: borrowing Communicator) throws {
    if hasFinalWeights { return }
    try trainer.writeFinalWeights(
      to: directory.finalWeights, holding: lock, on: world)
    try trainer.writeAverageWeights(to: directory.averageWeights, holding: lock, on: world)
    hasFinalWeights = true
  }
}
