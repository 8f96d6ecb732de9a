import Data
import GradientNorms
import MPI
import Models
import Vectors

extension Trainer {
  /// Loss and right answers on the test set, in blocks of samples divided over the ranks. One allreduce of 232 bytes. Collective.
  ///
  /// A block is the same samples at any number of ranks and the blocks' losses are added exactly, so the scores have the same bits at any.
  public func evaluate(on world: borrowing Communicator) throws -> (loss: Double, accuracy: Double?) {
    let block = 256
    let share = Partition.byMicroBatch(size: block).share(of: data.test.count, rank: world.rank, ranks: world.size)
    var batch = Batch(capacity: block, width: data.test.inputWidth, targetWidth: data.test.targetWidth)
    // The exact sum of the losses, the right answers, the samples.
    var totals = [Int64](repeating: 0, count: ExactSum.wordCount + 2)
    for piece in Partition.microBatches(in: share, size: block) {
      data.test.fill(&batch, with: piece.map(UInt32.init)[...])
      let part = model.evaluate(batch, weights: weights)
      totals.withUnsafeMutableBufferPointer { ExactSum.add(part.lossSum, to: $0.baseAddress!) }
      totals[ExactSum.wordCount] += Int64(part.correct)
      totals[ExactSum.wordCount + 1] += Int64(part.count)
      tracer?.evaluated(loss: part.lossSum)
    }
    try tracer?.endEvaluation(after: stepsDone, firstBlock: share.lowerBound / block)
    var span = totals.mutableSpan
    try world.allReduce(&span, .sum)
    let loss = totals.withUnsafeBufferPointer { ExactSum.value(of: $0.baseAddress!) }
    let (correct, count) = (Double(totals[ExactSum.wordCount]), Double(totals[ExactSum.wordCount + 1]))
    return (loss / count, data.test.classCount > 0 ? correct / count : nil)
  }
}
