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
    return try updater.withEvaluationWeights(on: world) { try evaluateWeights(on: world) }
  }

  private func evaluateWeights(on world: borrowing Communicator) throws -> (
    loss: Double, score: NamedNumber?
  ) {
    let block = max(1, min(settings.training.microBatch, data.test.count))
    let share = Partition.byMicroBatch(size: block).share(
      of: data.test.count, rank: world.rank, ranks: world.size)
    var batch = Batch(capacity: block, shape: data.test.shape)
    // The exact sum of the losses, the scores, what they are divided by, the samples.
    var totals = [Int64](repeating: 0, count: ExactSum.wordCount + 3)
    for piece in Partition.microBatches(in: share, size: block) {
      FlightRecorder.advance()
      try data.test.fill(&batch, with: piece.map(UInt32.init)[...])
      try pass.inputs.check(batch, of: data.test)
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
    return (
      loss / counts[2], counts[1] > 0 ? NamedNumber(model.scoreName, counts[0] / counts[1]) : nil
    )
  }
}
