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
    let block = max(1, min(settings.training.microBatch, set.count))
    let share = Partition.byMicroBatch(size: block).share(
      of: set.count, rank: world.rank, ranks: world.size)
    var batch = Batch(capacity: block, shape: set.data.shape)
    // The exact sum of the losses, the scores, what they are divided by, the samples.
    var totals = [Int64](repeating: 0, count: ExactSum.wordCount + 3)
    for piece in Partition.microBatches(in: share, size: block) {
      FlightRecorder.advance()
      try set.data.fill(&batch, with: set.samples(piece))
      try pass.inputs.check(batch, of: set.data)
      let part = model.evaluate(batch, weights: weights)
      totals.withUnsafeMutableBufferPointer { ExactSum.add(part.lossSum, to: $0.baseAddress!) }
      for (index, value) in [part.score, part.scored, part.count].enumerated() {
        totals[ExactSum.wordCount + index] += Int64(value)
      }
      for observer in observers.all { observer.evaluated(loss: part.lossSum) }
    }
    for observer in observers.all {
      try observer.evaluationEnded(after: stepsDone, firstBlock: share.lowerBound / block)
    }
    var span = totals.mutableSpan
    try world.allReduce(&span, .sum)
    let loss = totals.withUnsafeBufferPointer { ExactSum.value(of: $0.baseAddress!) }
    let counts = totals[ExactSum.wordCount...].map(Double.init)
    return Scores(
      loss: loss / counts[2],
      score: counts[1] > 0 ? NamedNumber(model.scoreName, counts[0] / counts[1]) : nil)
  }
}

/// Samples that are evaluated: a data set's, or some of them in their order.
private struct EvaluatedRows {
  let data: any Dataset
  let count: Int
  private let rows: [UInt32]?

  init(_ data: any Dataset, all count: Int) { (self.data, self.count, rows) = (data, count, nil) }

  init(_ data: any Dataset, rows: [UInt32]) {
    (self.data, count, self.rows) = (data, rows.count, rows)
  }

  /// The samples at consecutive places, by their numbers in the data.
  func samples(_ places: Range<Int>) -> ArraySlice<UInt32> {
    rows?[places] ?? places.map(UInt32.init)[...]
  }
}
