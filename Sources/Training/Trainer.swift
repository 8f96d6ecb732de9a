import Coordination
import Data
import GradientNorms
import MPI
import Models
import Optimizers
import Reports
import Vectors

/// One rank's replica of a model and the step that keeps all replicas equal.
public final class Trainer {
  public let experiment: Experiment
  public let model: any Model
  let data: TrainingData
  let batches: GlobalBatches
  let partition: Partition
  let exchange: any GradientExchange
  private let ledgers: LedgerReduction
  /// Steps from the start of training to its end.
  public let totalSteps: Int

  public internal(set) var weights: FlatVector
  /// This rank's part of the optimiser's state.
  public internal(set) var optimizer: Optimizer
  /// Steps done.
  public internal(set) var stepsDone = 0
  private var gradient: FlatVector
  private var batch: Batch
  /// The sample order of the epoch it was made for.
  private var order: (epoch: Int, indices: [UInt32]) = (-1, [])
  /// Squared norms of the last update, of the slice this rank owns: they travel in the next ledger.
  private var lastUpdate = UpdateNorms()
  /// Called with this rank's own gradient, before the reduction: the place where tests put a fault.
  public var inspectLocalGradient: ((inout FlatVector, Int) -> Void)?

  /// A replica at step 0, its weights drawn from the experiment's seed. Every rank of `world` makes one.
  public init(_ experiment: Experiment, data: TrainingData, on world: borrowing Communicator) throws {
    self.experiment = experiment
    self.data = data
    model = experiment.model.build(for: data.train)
    batches = GlobalBatches(sampleCount: data.train.count, globalBatch: experiment.training.globalBatch)
    partition = .bySample
    totalSteps =
      switch experiment.training.length {
      case .epochs(let epochs): epochs * batches.stepsPerEpoch
      case .steps(let steps): steps
      }
    let layout = model.layout
    weights = FlatVector(zeros: layout)
    gradient = FlatVector(zeros: layout)
    exchange =
      switch experiment.training.gradient {
      case .replicated: ReplicatedExchange(layout, on: world)
      case .sharded: ShardedExchange(layout, on: world)
      }
    optimizer = Optimizer(rule: experiment.optimizer, owning: exchange.updated)
    ledgers = try LedgerReduction(tensorCount: layout.segments.count)
    let largestBatch = min(experiment.training.globalBatch, data.train.count)
    let largestShare = partition.share(of: largestBatch, rank: 0, ranks: world.size).count
    batch = Batch(
      capacity: max(1, min(experiment.training.microBatch, largestShare)), width: data.train.inputWidth, targetWidth: data.train.targetWidth
    )
    model.initialize(&weights, seed: UInt64(experiment.seed))
  }

  /// Draws the batch, differentiates, sums the gradients, reduces the ledger, decides, updates, publishes. Collective.
  ///
  /// Messages: the exchange's, and one allreduce of the ledger. Every rank takes the same decision, from the same reduced values.
  public func step(on world: borrowing Communicator) throws -> StepOutcome {
    var clock = PhaseClock()
    let slice = batches[stepsDone]
    let share = partition.share(of: slice.positions.count, rank: world.rank, ranks: world.size)

    var ledger = NormLedger(tensorCount: model.layout.segments.count)
    differentiate(share, of: slice, into: &ledger, rank: world.rank, clock: &clock)
    let local = (loss: ledger[.loss], norm: ledger[.nonFinite] > 0 ? .nan : ledger[.localNorm].value)

    try exchange.reduce(&gradient, on: world)
    clock.lap(.reduce)

    model.layout.forEachGrain(of: exchange.owned) { tensor, grain in
      ledger.add(gradient.squaredNorm(in: grain), toGlobalSquares: tensor)
    }
    (ledger[.squaredUpdate], ledger[.squaredWeights]) = (lastUpdate.squaredChange, lastUpdate.squaredWeights)
    ledger[.stopRequests] = StopSignals.wantsStop ? 1 : 0
    ledger[.checkpointRequests] = StopSignals.takeCheckpointRequest() ? 1 : 0
    ledger = try ledgers.reduce(ledger, on: world)
    try check(ledger, against: slice, on: world)
    let decision = StepDecision(ledger, rule: experiment.clip)
    clock.lap(.norm)

    let rate = experiment.schedule.rate(at: stepsDone + 1, of: totalSteps, base: experiment.learningRate)
    lastUpdate = UpdateNorms()
    if !decision.isSkip {
      update(rate: rate, factor: decision.coefficient)
      clock.lap(.optimizer)
      try exchange.publish(&weights, on: world)
      clock.lap(.reduce)
    }
    stepsDone += 1
    return StepOutcome(
      step: stepsDone, epoch: Double(batches.samples(inFirst: stepsDone)) / Double(batches.sampleCount),
      samples: batches.samples(inFirst: stepsDone), learningRate: rate, ledger: ledger, decision: decision, share: share.count,
      local: local,
      seconds: clock.seconds, totalSeconds: clock.total)
  }

  /// The squared norms of the last update over all ranks, which otherwise only the next step's ledger brings. One small allreduce.
  func reduceLastUpdate(on world: borrowing Communicator) throws -> NormLedger {
    var ledger = NormLedger(tensorCount: model.layout.segments.count)
    (ledger[.squaredUpdate], ledger[.squaredWeights]) = (lastUpdate.squaredChange, lastUpdate.squaredWeights)
    return try ledgers.reduce(ledger, on: world)
  }

  /// Leaves wᵢ gᵢ in `gradient` and this rank's part in the ledger.
  private func differentiate(
    _ share: Range<Int>, of slice: GlobalBatches.Slice, into ledger: inout NormLedger, rank: Int, clock: inout PhaseClock
  ) {
    let scale = 1 / Float(slice.positions.count)
    let pieces = Partition.microBatches(in: share, size: batch.capacity)
    var loss = 0.0
    var squares = [Double](repeating: 0, count: model.layout.segments.count)
    for (index, piece) in (pieces.isEmpty ? [0..<0] : pieces).enumerated() {
      let positions = slice.positions.lowerBound + piece.lowerBound..<slice.positions.lowerBound + piece.upperBound
      data.train.fill(&batch, with: indices(ofEpoch: slice.epoch)[positions])
      clock.lap(.data)
      let isLast = index == max(pieces.count, 1) - 1
      loss += model.differentiate(batch, weights: weights, into: &gradient, scale: scale, accumulate: index > 0) { tensor, gradient in
        // A tensor's gradient is squared as soon as it is complete, while it is in cache.
        if isLast, inspectLocalGradient == nil {
          squares[tensor] = gradient.squaredNorm(in: gradient.layout.segments[tensor].range)
        }
      }
      clock.lap(.compute)
    }
    if let inspectLocalGradient {
      inspectLocalGradient(&gradient, stepsDone + 1)
      for (tensor, segment) in model.layout.segments.enumerated() { squares[tensor] = gradient.squaredNorm(in: segment.range) }
    }
    ledger.contribute(
      samples: share.count, of: slice.positions.count, loss: loss, weightedSquares: squares, rank: rank)
  }

  private func indices(ofEpoch epoch: Int) -> [UInt32] {
    if order.epoch != epoch {
      order = (epoch, experiment.data.order.indices(count: data.train.count, seed: UInt64(experiment.seed), epoch: epoch))
    }
    return order.indices
  }

  private func update(rate: Double, factor: Double) {
    optimizer.beginStep()
    // The slice that this rank owns is updated apart from the rest, so that its norms are counted once over the ranks.
    let (owned, updated) = (exchange.owned, exchange.updated)
    _ = optimizer.update(&weights, gradient: gradient, in: updated.lowerBound..<owned.lowerBound, rate: rate, factor: factor)
    lastUpdate = optimizer.update(&weights, gradient: gradient, in: owned, rate: rate, factor: factor)
    _ = optimizer.update(&weights, gradient: gradient, in: owned.upperBound..<updated.upperBound, rate: rate, factor: factor)
  }

  private func check(_ ledger: NormLedger, against slice: GlobalBatches.Slice, on world: borrowing Communicator) throws {
    if Int(ledger.samples) == slice.positions.count { return }
    // All ranks see it; one tells.
    try world.agree { () throws -> Void in
      throw RunFailure(
        .workerFailed,
        "step \(stepsDone + 1): the ranks drew \(Int(ledger.samples)) samples in all, not \(slice.positions.count): they disagree on the data"
      )
    }
  }
}

/// What a step did, as every rank knows it, and this rank's part in it.
public struct StepOutcome {
  /// Counted from 1.
  public let step: Int
  public let epoch: Double
  /// Samples seen so far, over all ranks.
  public let samples: Int
  public let learningRate: Double
  /// Reduced over all ranks.
  public let ledger: NormLedger
  public let decision: StepDecision
  /// This rank's samples of the step.
  public let share: Int
  /// This rank's sum of losses and the norm of its mean gradient; NaN where either is not finite.
  public let local: (loss: Double, norm: Double)
  public let seconds: TimeShare
  public let totalSeconds: Double
}

extension Experiment.ModelChoice {
  /// The model, its input and output widths taken from the data.
  func build(for data: any Dataset) -> any Model {
    let outputs = data.classCount > 0 ? data.classCount : data.targetWidth
    return MLP(inputWidth: data.inputWidth, hidden: hidden, outputWidth: outputs, activation: activation, loss: loss)
  }
}
