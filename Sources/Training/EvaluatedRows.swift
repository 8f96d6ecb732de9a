import Data
import FlightRecorder
import GradientNorms
import MPI
import Models
import Recording
import Vectors

/// Samples that are evaluated: a data set's, or some of them in their order.
struct EvaluatedRows {
  let data: any Dataset
  let count: Int
  private let rows: [UInt32]?

  init(_ data: any Dataset, all count: Int) { (self.data, self.count, rows) = (data, count, nil) }

  init(_ data: any Dataset, rows: [UInt32]) {
    (self.data, count, self.rows) = (data, rows.count, rows)
  }

  /// The samples at consecutive places, by their numbers in the data.
  private func samples(_ places: Range<Int>) -> ArraySlice<UInt32> {
    rows?[places] ?? places.map(UInt32.init)[...]
  }

  /// Loss and score of weights, in blocks of `block` samples divided over the ranks; one allreduce of
  /// 240 bytes. Collective.
  ///
  /// A block is the same samples at any number of ranks and the blocks' losses are added exactly, so
  /// the scores have the same bits at any. `each` is called with each of this rank's blocks' losses,
  /// `ended` after the last with the number of its first block.
  func scores(
    of model: any Model, weights: borrowing FlatVector, block size: Int, _ inputs: InputCheck,
    on world: borrowing Communicator, each: (Double) -> Void = { _ in },
    ended: (Int) throws -> Void = { _ in }
  ) throws -> Scores {
    let block = max(1, min(size, count))
    let share = Partition.byMicroBatch(size: block).share(
      of: count, rank: world.rank, ranks: world.size)
    var batch = Batch(capacity: block, shape: data.shape)
    // The exact sum of the losses, the scores, what they are divided by, the samples.
    var totals = [Int64](repeating: 0, count: ExactSum.wordCount + 3)
    for piece in Partition.microBatches(in: share, size: block) {
      FlightRecorder.advance()
      try data.fill(&batch, with: samples(piece))
      try inputs.check(batch, of: data)
      let part = model.evaluate(batch, weights: weights)
      totals.withUnsafeMutableBufferPointer { ExactSum.add(part.lossSum, to: $0.baseAddress!) }
      for (index, value) in [part.score, part.scored, part.count].enumerated() {
        totals[ExactSum.wordCount + index] += Int64(value)
      }
      each(part.lossSum)
    }
    try ended(share.lowerBound / block)
    var span = totals.mutableSpan
    try world.allReduce(&span, .sum)
    let loss = totals.withUnsafeBufferPointer { ExactSum.value(of: $0.baseAddress!) }
    let counts = totals[ExactSum.wordCount...].map(Double.init)
    return Scores(
      loss: loss / counts[2],
      score: counts[1] > 0 ? NamedNumber(model.scoreName, counts[0] / counts[1]) : nil)
  }
}
