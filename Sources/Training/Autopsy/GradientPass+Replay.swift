import Data
import FlightRecorder
import GradientNorms
import GradientReduction
import MPI
import Models
import Vectors

// Computing a share again, of this rank or of another: as it was computed in the step, so that sound
// ranks come to the same bits.
extension GradientPass {
  /// Whether what one rank computes another computes to the same bits, and a step's parts are the
  /// gradients that ranks sum.
  var canReplay: Bool { scheme is PlainGradient || scheme is WorkerClippedGradient }

  /// Another rank's part of a step's batch.
  func batches(_ rank: Int, of step: StepBatches) -> StepBatches {
    batches(of: step.slice, rank: rank, ranks: step.positions.count)
  }

  /// A rank's part of a batch.
  func batches(of slice: GlobalBatches.BatchRange, rank: Int, ranks: Int) -> StepBatches {
    sampler.batches(of: slice, rank: rank, ranks: ranks)
  }

  /// The norms of a share's parts at the weights as they are; `gradient` is left with their sum.
  ///
  /// `measured` is called after each micro-batch whose samples `samples`, where given, have measured.
  func replay(
    _ batches: StepBatches, step number: Int, into gradient: inout FlatVector,
    samples: SampleSquares? = nil,
    measured: (_ batch: borrowing Batch) -> Void = { _ in }
  ) throws -> [MicroBatchNorms] {
    let tensors = model.layout.segments.count
    let last = batches.microBatches.count - 1
    var whole = MicroBatchNorms(
      samples: batches.mine.count, loss: 0, squares: [Double](repeating: 0, count: tensors))
    var parts: [MicroBatchNorms] = []
    var alone: FlatVector? = nil
    if last < 0 { gradient.setToZero() }
    for index in batches.microBatches.indices {
      try readAgain(index, of: batches, step: number)
      let isComplete = measuresApart || index == last
      var loss = 0.0
      if measuresApart && index > 0 {
        var vector = alone.take() ?? FlatVector(zeros: model.layout)
        loss = recompute(
          &vector, batches, step: number, adds: false, isComplete: isComplete, samples,
          &whole.squares)
        gradient.add(vector)
        alone = consume vector
      } else {
        loss = recompute(
          &gradient, batches, step: number, adds: index > 0, isComplete: isComplete, samples,
          &whole.squares)
      }
      if samples != nil { measured(batch) }
      whole.loss += loss
      if measuresApart {
        parts.append(
          MicroBatchNorms(
            samples: batches.microBatches[index].count, loss: loss, squares: whole.squares))
      }
    }
    return measuresApart ? parts : [whole]
  }

  /// The step's sum of all ranks' gradients once more, by the reducer, and its squares in each of
  /// the shard's parts. Collective.
  func reduceAgain(_ batches: StepBatches, step number: Int, on world: borrowing Communicator)
    throws -> [Double]
  {
    try reducer.begin(batches.microBatchRanges, on: world)
    var squares = [Double](repeating: 0, count: model.layout.segments.count)
    let last = batches.microBatches.count - 1
    if last < 0 { gradient.setToZero() }
    for index in batches.microBatches.indices {
      try readAgain(index, of: batches, step: number)
      reducer.accumulate(
        MicroBatch(
          number: batches.firstMicroBatch + index, isFirst: index == 0, isApart: measuresApart),
        into: &gradient, scratch: &scratch
      ) { vector, adds in
        _ = recompute(
          &vector, batches, step: number, adds: adds, isComplete: measuresApart || index == last,
          nil, &squares)
        guard measuresApart || index == last else { return }
        for observer in observers.all { observer.leaving(&vector, in: number) }
      }
    }
    let reduced = try reducer.reduce(&gradient, on: world)
    return reduced ?? gradient.squares(in: reducer.partition.shardParts)
  }

  private func readAgain(_ index: Int, of batches: StepBatches, step number: Int) throws {
    try FlightRecorder.during(.data) { try sampler.read(&batch, index, of: batches) }
    for observer in observers.all {
      observer.read(batch, positions: batches.microBatches[index], in: number)
    }
  }

  private func recompute(
    _ vector: inout FlatVector, _ batches: StepBatches, step number: Int, adds: Bool,
    isComplete: Bool, _ samples: SampleSquares?, _ squares: inout [Double]
  ) -> Double {
    let segments = model.layout.segments
    // Where samples are measured in the step they are here too: products may be other ones then.
    model.compute.sampleSquares = samples ?? self.samples?.squares
    defer { model.compute.sampleSquares = nil }
    let changing = observers.all.filter(\.changesGradients)
    let loss = model.lossAndGradient(
      batch, weights: parameters.weights, into: &vector, scale: 1 / Float(batches.total),
      accumulate: adds
    ) { tensor, gradient in
      FlightRecorder.advance()
      if isComplete && changing.isEmpty {
        squares[tensor] = gradient.squaredNorm(in: segments[tensor].range)
      }
    }
    guard isComplete, !changing.isEmpty else { return loss }
    for observer in changing { observer.computed(&vector, loss: loss, in: number) }
    measure(vector, into: &squares)
    return loss
  }
}
