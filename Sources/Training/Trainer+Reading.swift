import Configuration
import Data
import Vectors

extension Trainer {
  /// Reads a micro-batch of a draw and, where data are read ahead, begins to read the one that will
  /// be wanted behind it.
  func read(_ piece: Int, of draw: StepBatches, again: Bool) throws {
    try fill(piece, of: draw, again: again)
    try refuseBadInputs(batch, of: data.train)
  }

  private func fill(_ piece: Int, of draw: StepBatches, again: Bool) throws {
    let samples = samples(piece, of: draw)
    guard let readAhead else {
      return try data.train.fill(&batch, with: samples, epoch: draw.slice.epoch)
    }
    try readAhead.take(samples, epoch: draw.slice.epoch, into: &batch)
    let isLast = piece == draw.pieces.count - 1
    if !isLast || (again && piece > 0) {
      readAhead.start(self.samples(isLast ? 0 : piece + 1, of: draw), epoch: draw.slice.epoch)
    } else if !again, let next = nextDraw(after: draw), !next.pieces.isEmpty {
      readAhead.start(self.samples(0, of: next), epoch: next.slice.epoch)
    }
  }

  /// The samples of a micro-batch, by their indices in the data.
  private func samples(_ piece: Int, of draw: StepBatches) -> ArraySlice<UInt32> {
    let (start, piece) = (draw.slice.positions.lowerBound, draw.pieces[piece])
    return indices(ofEpoch: draw.slice.epoch)[start + piece.lowerBound..<start + piece.upperBound]
  }

  /// What the next step will draw if this one does not change the size of a batch; nil after the
  /// last.
  private func nextDraw(after draw: StepBatches) -> StepBatches? {
    var cursor = memory.cursor
    switch experiment.training.length {
    case .steps(let steps): if stepsDone + 1 >= steps { return nil }
    case .epochs(let epochs): if cursor.epoch >= epochs { return nil }
    }
    let slice = cursor.next(memory.globalBatch, of: data.train.count)
    return StepBatches(
      slice, partition, microBatch: batch.capacity, rank: draw.rank, ranks: draw.shares.count)
  }
}
