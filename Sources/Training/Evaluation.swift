import Configuration
import Data
import FlightRecorder
import GradientNorms
import MPI
import Models
import Recording
import Vectors

extension Trainer {
  /// Loss and score on the test set, in blocks of a micro-batch's size divided over the ranks. One
  /// allreduce of 240 bytes. Collective.
  ///
  /// A block is the same samples at any number of ranks and the blocks' losses are added exactly,
  /// so the scores have the same bits at any. An optimiser that averages the weights is evaluated
  /// by its average: then the weights travel twice more.
  public func evaluate(on world: borrowing Communicator) throws -> (
    loss: Double, score: NamedNumber?
  ) {
    FlightRecorder.enter(.evaluation)
    let scores = try updater.withEvaluationWeights(on: world) {
      try evaluate(EvaluatedRows(data.test, all: data.test.count), on: world)
    }
    return (scores.loss, scores.score)
  }

  /// Loss and score on the training rows that are held out, in the same way; nil where none are.
  /// Changes nothing that a step depends on. Collective.
  public func evaluateHeldOut(on world: borrowing Communicator) throws -> Scores? {
    guard !sampler.heldOut.isEmpty else { return nil }
    FlightRecorder.enter(.evaluation)
    return try updater.withEvaluationWeights(on: world) {
      try evaluate(EvaluatedRows(data.train, rows: sampler.heldOut), on: world)
    }
  }

  /// Loss and score of the running mean of the weights on the test set, in the same way; nil where
  /// there is no such mean. The weights travel twice. Collective.
  public func evaluateAverage(on world: borrowing Communicator) throws -> Scores? {
    FlightRecorder.enter(.evaluation)
    return try withAverage(on: world) {
      try evaluate(EvaluatedRows(data.test, all: data.test.count), on: world)
    }
  }

  /// The same on the training rows that are held out. Collective.
  public func evaluateAverageHeldOut(on world: borrowing Communicator) throws -> Scores? {
    guard !sampler.heldOut.isEmpty else { return nil }
    FlightRecorder.enter(.evaluation)
    return try withAverage(on: world) {
      try evaluate(EvaluatedRows(data.train, rows: sampler.heldOut), on: world)
    }
  }

  /// Runs `body` with the running mean of the weights, and of the running statistics, in their
  /// places; nil where there is no such mean. Collective.
  func withAverage<Result>(on world: borrowing Communicator, _ body: () throws -> Result) throws
    -> Result?
  {
    try updater.withAverage(on: world) {
      try pass.runningStatistics?.withAverage(body) ?? body()
    }
  }

  /// Whether the rows held out are to be evaluated after the steps that are done: the same on every
  /// rank.
  package var isEvaluationDue: Bool {
    guard !sampler.heldOut.isEmpty, stepsDone > 0 else { return false }
    if isDone { return true }
    guard let every = settings.evaluation.every else { return sampler.cursor.position == 0 }
    return every > 0 && stepsDone % every == 0
  }

  private func evaluate(_ set: EvaluatedRows, on world: borrowing Communicator) throws -> Scores {
    try set.scores(
      of: model, weights: weights, block: settings.training.microBatch, pass.inputs, on: world
    ) { loss in
      for observer in observers.all { observer.evaluated(loss: loss) }
    } ended: { firstBlock in
      for observer in observers.all {
        try observer.evaluationEnded(after: stepsDone, firstBlock: firstBlock)
      }
    }
  }
}
