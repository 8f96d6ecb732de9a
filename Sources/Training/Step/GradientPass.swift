import Configuration
import Data
import FlightRecorder
import GradientNorms
import GradientReduction
import MPI
import Models
import Recording
import Reports
import Vectors

/// A step under way: what its stages hand to one another.
struct StepInProgress {
  /// Counted from 1.
  let number: Int
  let batches: StepBatches
  /// This rank's part of the step's ledger, and then the total.
  var ledger: NormLedger
  var clock: PhaseClock
}

/// One part of this rank's share: its samples, the sum of its losses, and its gradient's weighted
/// squares by tensor.
struct MicroBatchNorms {
  var samples: Int
  var loss: Double
  var squares: [Double]
}

/// Computes this rank's gradient of a step, micro-batch by micro-batch, into the reducer.
final class GradientPass {
  let model: any Model
  let reducer: any GradientReducer
  let parameters: Parameters
  /// wᵢ gᵢ, and after the reduction the mean gradient where this rank updates.
  var gradient: FlatVector
  /// The squares by tensor of `gradient`, this rank's alone, where the pass has taken them.
  private(set) var localSquares: [Double]?
  let sampler: BatchSampler
  let inputs: InputCheck
  /// What micro-batches leave for evaluation; nil for a model without batch normalization.
  let runningStatistics: RunningStatisticsUpdate?
  /// What measures each sample's gradient; nil where that is not asked for.
  let samples: SampleMeasurement?
  /// Whether the gradient takes one pass, or what wraps one.
  let scheme: any GradientScheme
  let observers: StepObservers
  private let overlap: MessageOverlap
  /// Whether each micro-batch's gradient is measured by itself.
  let measuresApart: Bool
  var batch: Batch
  /// One micro-batch's gradient, where those are measured apart.
  var scratch: FlatVector?

  /// `frozen` are the tensors, by index, that no update reaches.
  init(
    _ model: any Model, _ sampler: BatchSampler, _ reducer: any GradientReducer,
    _ parameters: Parameters, _ settings: TrainerSettings, _ observers: StepObservers,
    frozen: Set<Int>, on world: borrowing Communicator
  ) throws {
    (self.model, self.sampler, self.reducer) = (model, sampler, reducer)
    (self.parameters, self.observers) = (parameters, observers)
    inputs = InputCheck(model, settings)
    runningStatistics = RunningStatisticsUpdate(model, settings)
    samples = try SampleMeasurement(model, settings, on: world)
    measuresApart = settings.measuresMicroBatches || reducer.partition.isByTile
    if let sam = settings.regularization.ascent {
      scheme = SAMGradient(
        sam, synchronized: settings.regularization.isSynchronized, model.layout, frozen: frozen,
        observers)
    } else if settings.clipScope == .worker {
      scheme = WorkerClippedGradient(limit: settings.clip.limit, comparing: settings.report)
    } else if settings.clipScope == .sample {
      scheme = SampleClippedGradient(comparing: settings.report)
    } else {
      scheme = PlainGradient(leaving: settings.clipScope == .meanGradient)
    }
    gradient = try reducer.makeGradient(on: world)
    overlap = MessageOverlap(reducer, parameters, observers)
    batch = Batch(capacity: sampler.capacity, shape: sampler.data.train.shape)
  }

  /// Leaves wᵢ gᵢ with the reducer, and returns the norms of this rank's parts. Collective.
  func run(
    _ step: inout StepInProgress, _ statistics: StepStatistics, on world: borrowing Communicator
  ) throws -> LocalNorms {
    runningStatistics?.beginStep()
    samples?.begin(total: step.batches.total)
    return try scheme.run(self, &step, statistics, on: world)
  }

  /// The ranks' gradients are summed: weights that are not those of the step are taken back.
  func restoreWeights() { scheme.restore(parameters) }

  /// Computes this rank's micro-batches at the weights as they are. A part is the whole share or,
  /// where they are measured apart, a micro-batch.
  ///
  /// `again` says that another pass over the same batches follows; `leaving`, that what is finished
  /// may be sent off at once: nothing changes it any more; `measuringSamples`, that samples are
  /// measured and clipped where the experiment asks for it.
  func accumulate(
    _ step: inout StepInProgress, again: Bool = false, leaving: Bool = false,
    measuringSamples: Bool = true
  ) throws -> [MicroBatchNorms] {
    let (batches, number) = (step.batches, step.number)
    let last = batches.microBatches.count - 1
    let changes = observers.changesGradients
    let samples = measuringSamples ? self.samples : nil
    var parts: [MicroBatchNorms] = []
    var whole = MicroBatchNorms(
      samples: batches.mine.count, loss: 0,
      squares: [Double](repeating: 0, count: model.layout.segments.count))
    if last < 0 {
      gradient.setToZero()
      try parameters.finishAllGather()
    }
    for index in batches.microBatches.indices {
      try FlightRecorder.during(.data) {
        try sampler.fill(&batch, index, of: batches, step: number, again: again)
        for observer in observers.all {
          observer.read(batch, positions: batches.microBatches[index], in: number)
        }
        try inputs.check(batch, of: sampler.data.train)
      }
      step.clock.mark(.data)
      let isComplete = measuresApart || index == last
      let leaves = leaving && !measuresApart && isComplete && !changes
      var loss = 0.0
      reducer.accumulate(
        MicroBatch(
          number: batches.firstMicroBatch + index, isFirst: index == 0, isApart: measuresApart),
        into: &gradient, scratch: &scratch
      ) { vector, adds in
        loss = compute(
          &vector, scale: 1 / Float(batches.total), adds: adds, leaves: leaves,
          squares: &whole.squares, measures: isComplete && !changes, samples?.squares)
        samples?.add(batch, total: batches.total)
        guard isComplete && !observers.isEmpty else { return }
        for observer in observers.all { observer.computed(&vector, loss: loss, in: number) }
        if changes { measure(vector, into: &whole.squares) }
        for observer in observers.all { observer.leaving(&vector, in: number) }
      }
      if measuresApart {
        let samples = batches.microBatches[index].count
        parts.append(MicroBatchNorms(samples: samples, loss: loss, squares: whole.squares))
      }
      runningStatistics?.add(samples: batches.microBatches[index].count)
      FlightRecorder.advance()
      whole.loss += loss
      step.clock.mark(.compute)
      step.clock.moveToReduce(overlap.endPass())
      try parameters.finishAllGather()
    }
    localSquares = measuresApart ? nil : whole.squares
    runningStatistics?.endPass()
    for observer in observers.all { observer.passEnded() }
    return measuresApart ? parts : [whole]
  }

  /// The loss of the micro-batch in hand; its gradient is left in, or added to, `vector`. A
  /// tensor's gradient is squared as soon as it is complete, while it is in cache.
  private func compute(
    _ vector: inout FlatVector, scale: Float, adds: Bool, leaves: Bool, squares: inout [Double],
    measures: Bool, _ samples: SampleSquares?
  ) -> Double {
    let segments = model.layout.segments
    for observer in observers.all { observer.microBatchBegan() }
    if parameters.isGathering && !model.asksForWeights {
      overlap.weightsNeeded(before: model.layout.elementCount)
    }
    if leaves || parameters.isGathering { model.compute.progress = overlap }
    model.compute.sampleSquares = samples
    let loss = model.lossAndGradient(
      batch, weights: parameters.arriving, into: &vector, scale: scale, accumulate: adds
    ) { tensor, gradient in
      FlightRecorder.advance()
      for observer in observers.all { observer.finished(tensor: tensor) }
      if measures { squares[tensor] = gradient.squaredNorm(in: segments[tensor].range) }
      if leaves { overlap.finished(tensor, &gradient) }
    }
    model.compute.progress = nil
    model.compute.sampleSquares = nil
    for observer in observers.all { observer.microBatchEnded() }
    return loss
  }

  func measure(_ vector: borrowing FlatVector, into squares: inout [Double]) {
    for (tensor, segment) in model.layout.segments.enumerated() {
      squares[tensor] = vector.squaredNorm(in: segment.range)
    }
  }

  /// Sums the ranks' gradients, and returns the squares of each of the shard's parts. What the
  /// pass has squared already is not squared again. Collective.
  func reduce(on world: borrowing Communicator) throws -> [Double] {
    let squares = try reducer.reduce(&gradient, on: world)
    for observer in observers.all { observer.reduced(gradient) }
    return squares ?? localSquares ?? gradient.squares(in: reducer.partition.shardParts)
  }

  /// Changes this rank's gradient before the reduction; `body` returns its squares by tensor, nil
  /// where it did not take them.
  func change(_ body: (inout FlatVector) -> [Double]?) { localSquares = body(&gradient) }
}
