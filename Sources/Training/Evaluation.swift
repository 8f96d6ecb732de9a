import Data
import MPI
import Models
import Vectors

extension Trainer {
  /// Loss and right answers on the test set, divided over the ranks. One allreduce of 24 bytes. Collective.
  public func evaluate(on world: borrowing Communicator) throws -> (loss: Double, accuracy: Double?) {
    let share = Partition.bySample.share(of: data.test.count, rank: world.rank, ranks: world.size)
    var batch = Batch(capacity: 256, width: data.test.inputWidth, targetWidth: data.test.targetWidth)
    var sum = Evaluation()
    for piece in Partition.microBatches(in: share, size: batch.capacity) {
      data.test.fill(&batch, with: piece.map(UInt32.init)[...])
      sum += model.evaluate(batch, weights: weights)
    }
    var totals = [sum.lossSum, Double(sum.correct), Double(sum.count)]
    var span = totals.mutableSpan
    try world.allReduce(&span, .sum)
    return (totals[0] / totals[2], data.test.classCount > 0 ? totals[1] / totals[2] : nil)
  }
}
