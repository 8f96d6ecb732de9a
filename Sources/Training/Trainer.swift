import Configuration
import GradientReduction
import Data
import ExperimentKeys
import FlightRecorder
import FoundationEssentials
import GradientNorms
import MPI
import Models
import Optimizers
import Reports
import Scaling
import Vectors

/// One rank's replica of a model and the step that keeps all replicas equal.
public final class Trainer {
  public let experiment: Experiment
  public let model: any Model
  let data: TrainingData
  let exchange: any GradientReducer
  /// What the user is to know of how the run was set up.
  public private(set) var notes: [String]
  let layout: LedgerLayout
  private let ledgers: LedgerReduction
  let partition: Partition
  /// Steps from the start of training to its end, at the batch size it starts with.
  public let totalSteps: Int

  public internal(set) var weights: FlatVector
  /// This rank's part of the optimiser's state.
  public internal(set) var optimizer: Optimizer
  /// Steps done.
  public internal(set) var stepsDone = 0
  /// What decisions depend on besides the step's ledger; equal on all ranks.
  var memory: Memory
  var policy: StepPolicy
  var rates: RateController
  var stop: EarlyStop

  var gradient: FlatVector
  /// What this rank updates, in parts that do not cross the borders of its own slice, and whether
  /// each lies in it.
  let updatedParts: [(part: TensorLayout.Part, isOwned: Bool)]
  /// The squares by tensor of `gradient`, this rank's alone, where the model's pass has taken them.
  var localSquares: [Double]?
  /// Scratch that only some experiments need: the gradient of a first pass, weights to come back
  /// to, one micro-batch's gradient.
  var firstGradient: FlatVector?
  var savedWeights: FlatVector?
  var microGradient: FlatVector?
  /// Whether `weights` are those of an uphill step that all ranks took.
  var isUphill = false
  var batch: Batch
  /// Reads the next micro-batch meanwhile, where the data may keep one waiting.
  private(set) var readAhead: Prefetcher?
  /// The sample order of the epoch it was made for.
  private var order: (epoch: Int, indices: [UInt32]) = (-1, [])
  /// The next step's ledger so far: the norms of the last update, of the slice this rank owns,
  /// travel in it.
  private var nextLedger: NormLedger
  /// The last steps' ledgers, whose memory serves again when nothing reads them any more.
  private var pastLedgers: [NormLedger] = []
  /// Faults that tests and `lockstep verify` put in; see ``Faults``.
  public var faults = Faults()
  /// Notes each stage of the step, where `lockstep verify` asks for it.
  var tracer: StepTracer?
  /// Notes when each phase and each tensor's gradient was done, where a profile is asked for.
  public var profile: StepProfile?
  /// Sends finished tensors off during the backward pass, where the exchange takes them so.
  var departure: BackwardOverlap?
  /// How much longer this rank computes than it takes: 1, except where a straggler is simulated.
  let slowdown: Double
  /// False leaves out everything about norms: no squares, no ledger, no decision. Only for
  /// measuring what they cost.
  public var measuresNorms = true

  /// What a trainer carries from step to step beside weights and the optimiser's moments; kept in
  /// checkpoints.
  package struct Memory: Codable, Equatable {
    package var cursor = SampleCursor()
    /// Samples a step, which ``BatchGrowth`` may raise.
    package var globalBatch: Int
    package var noise = NoiseScale()
    package var policy = StepPolicy.Memory()
    package var rates = StateValue.none
    package var stop = StateValue.none
    package var distance = DistanceOverGradients()
    /// The squared norms of the last update and of the weights before it, over all ranks: what the
    /// next step's ledger is to bring.
    package var lastUpdate = [0.0, 0.0]

    package init(globalBatch: Int) { self.globalBatch = globalBatch }
  }

  /// A replica at step 0, its weights drawn from the experiment's seed. Every rank of `world` makes
  /// one.
  ///
  /// `ranksPerNode` takes so many consecutive ranks for a node; tests have several nodes on one
  /// machine by it. `simulation` makes exchanges, and the computing of stragglers, as slow as on
  /// another cluster.
  public init(
    _ experiment: Experiment, data: TrainingData, ranksPerNode: Int? = nil,
    simulation: Simulation? = nil, on world: borrowing Communicator
  ) throws {
    self.experiment = experiment
    self.data = data
    model = try experiment.model.recipe.model(for: data.train.shape, seed: UInt64(experiment.seed))
    let training = experiment.training
    let perEpoch = GlobalBatches(sampleCount: data.train.count, globalBatch: training.globalBatch)
      .stepsPerEpoch
    totalSteps =
      switch training.length {
      case .epochs(let epochs): epochs * perEpoch
      case .steps(let steps): steps
      }
    let tensors = model.layout
    if let shares = training.shares, shares.count != world.size {
      throw ExperimentError(
        "training.shares has \(shares.count) entries for \(world.size) ranks: give one a rank")
    }
    let partition =
      (training.reproducible ? .byMicroBatch(size: training.microBatch) : Partition.bySample)
      .inProportion(training.shares)
    self.partition = partition
    let largest = min(
      max(training.globalBatch, experiment.batchGrowth?.largest ?? 0), data.train.count)
    let shares = (0..<world.size).map { partition.share(of: largest, rank: $0, ranks: world.size) }
    // In reproducible mode a micro-batch has the same capacity at any rank count.
    let capacity = max(
      1, min(training.microBatch, training.reproducible ? largest : shares.map(\.count).max()!))
    let chosen = try Self.exchange(
      training, tensors, shares: StepBatches.microBatches(of: shares, size: capacity),
      ranksPerNode: ranksPerNode, on: world)
    if let simulation {
      exchange = try Self.simulated(chosen.exchange, simulation, training, tensors, on: world)
    } else {
      exchange = chosen.exchange
    }
    departure = exchange.startsEarly ? BackwardOverlap(exchange) : nil
    notes = chosen.note.map { [$0] } ?? []
    slowdown = simulation?.factor(ofRank: world.rank) ?? 1
    weights = try exchange.makeWeights(on: world)
    gradient = try exchange.makeGradient(on: world)
    let (owned, updated) = (exchange.owned, exchange.updated)
    let borders = [
      updated.lowerBound..<owned.lowerBound, owned, owned.upperBound..<updated.upperBound,
    ]
    updatedParts = borders.flatMap { range in
      (training.reproducible ? tensors.tiles(of: range) : tensors.parts(of: range)).map {
        ($0, range == owned)
      }
    }
    optimizer = Optimizer(rule: experiment.optimizer, owning: updated)
    layout = experiment.ledgerLayout(tensorCount: tensors.segments.count)
    ledgers = try LedgerReduction(layout)
    nextLedger = NormLedger(layout, rank: world.rank)
    policy = StepPolicy(
      rule: experiment.clip, scope: experiment.clipScope, skip: experiment.guardConfig.skip,
      tensorSizes: tensors.segments.map(\.count))
    rates = RateController(experiment.rateRule)
    stop = EarlyStop(experiment.stop)
    memory = Memory(globalBatch: training.globalBatch)
    batch = Batch(capacity: capacity, shape: data.train.shape)
    if data.train.waitsForFiles { readAhead = Prefetcher(data.train, capacity: batch.capacity) }
    try initialize(on: world)
    optimizer.remember(start: weights)
  }

  /// Draws the starting weights: on every rank the same.
  private func initialize(on world: borrowing Communicator) throws {
    let seed = UInt64(experiment.seed)
    try exchange.fill(&weights, on: world) { weights in
      guard let model = model as? any DataDependentInitialization else {
        return model.initialize(&weights, seed: seed)
      }
      let samples = indices(ofEpoch: 0).prefix(model.startingSamples)
      var seen = Batch(capacity: samples.count, shape: data.train.shape)
      try data.train.fill(&seen, with: samples)
      if let note = model.startingNote(seen) { notes.append(note) }
      model.initialize(&weights, seed: seed, samples: seen)
    }
  }

  /// The memory with that of the policy and the rates in it, for a checkpoint.
  var memoryToKeep: Memory {
    var kept = memory
    kept.policy = policy.memory
    kept.rates = rates.state
    kept.stop = stop.state
    return kept
  }

  func restore(_ kept: Memory, rank: Int) {
    memory = kept
    // Only rank 0 contributes; the sum reaches every rank.
    if rank == 0 {
      (nextLedger[.squaredUpdate], nextLedger[.squaredWeights]) = (
        kept.lastUpdate[0], kept.lastUpdate[1]
      )
    }
    policy.memory = kept.policy
    rates.state = kept.rates
    stop.state = kept.stop
  }

  /// All that decisions depend on beside a step's ledger, as a checkpoint writes it: the same text
  /// on every rank.
  public func decisionMemory() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(memoryToKeep), as: UTF8.self)
  }

  /// Whether the experiment's length is reached, or its stop rule met.
  public var isDone: Bool {
    if stop.reason != nil { return true }
    return switch experiment.training.length {
    case .steps(let steps): stepsDone >= steps
    case .epochs(let epochs): memory.cursor.epoch >= epochs
    }
  }

  /// Draws the batch, differentiates, sums the gradients, reduces the ledger, decides, updates,
  /// publishes. Collective.
  ///
  /// Messages: the exchange's, and one allreduce of the ledger (a second one where the clip is
  /// decided by the bound √L, before the gradients are summed; one more for LAMB's ratios, and one
  /// for norms of orders above 3; one gradient exchange more for SAM). Every rank takes the same
  /// decision, from the same reduced values.
  public func step(on world: borrowing Communicator) throws -> StepOutcome {
    FlightRecorder.begin(step: stepsDone + 1)
    FlightRecorder.enter(.compute)
    var clock = PhaseClock(profile)
    var ledger = nextLedger
    nextLedger = emptyLedger(rank: world.rank)
    clock.mark(.norm)
    let slice = memory.cursor.next(memory.globalBatch, of: data.train.count)
    let draw = StepBatches(
      slice, partition, microBatch: batch.capacity, rank: world.rank, ranks: world.size)
    try exchange.prepare(for: draw.shares, on: world)
    tracer?.begin(firstMicroBatch: draw.shares[world.rank].lowerBound)

    let local = try lossAndGradient(draw, into: &ledger, on: world, clock: &clock)
    var early: StepDecision?
    if policy.scope == .bound {
      var bound = ledger
      try reduce(&bound, on: world)
      early = policy.decideEarly(bound)
    }
    let squares = try exchange.reduce(&gradient, shares: draw.shares, on: world)
    tracer?.summed(gradient)
    restoreWeights()
    clock.mark(.reduce)

    guard measuresNorms else { return try stepWithoutNorms(draw, ledger, on: world, clock: &clock) }
    try regularize(squares: squares ?? ownSquares(), into: &ledger, on: world)
    let asked = StopSignals.poll()
    ledger[.stopRequests] = asked.stop ? 1 : 0
    ledger[.checkpointRequests] = asked.checkpoint ? 1 : 0
    faults.changeLedger?(&ledger, stepsDone + 1)
    try reduce(&ledger, on: world)
    try check(ledger, against: slice, on: world)
    let decision = policy.decide(ledger, early: early)
    clock.mark(.norm)

    var rate = rateInForce(at: slice)
    if !decision.isSkip {
      memory.noise.record(ledger)
      stop.record(ledger, decision)
      rate = learningRate(ledger, decision, at: slice)
      try update(ledger, decision, rate: rate, on: world)
      tracer?.updated(weights)
      clock.mark(.optimizer)
      try exchange.publish(&weights, on: world)
      clock.mark(.reduce)
    }
    stepsDone += 1
    faults.changeWeights?(&weights, stepsDone)
    tracer?.weightsPublished(weights)
    try tracer?.end(step: stepsDone)
    growBatch()
    pastLedgers.append(ledger)
    if let every = experiment.guardConfig.compareEvery, stepsDone % every == 0 {
      try compareReplicas(on: world)
    }
    return StepOutcome(
      step: stepsDone, epoch: Double(memory.cursor.samples) / Double(data.train.count),
      samples: memory.cursor.samples, learningRate: rate,
      ledger: ledger, decision: decision, noise: memory.noise, shares: draw.positions,
      epochIndex: slice.epoch, share: draw.mine.count,
      local: local, bias: bias(ledger, decision),
      seconds: clock.seconds, totalSeconds: clock.total)
  }

  /// The rest of a step that is not measured.
  private func stepWithoutNorms(
    _ draw: StepBatches, _ ledger: NormLedger, on world: borrowing Communicator,
    clock: inout PhaseClock
  ) throws -> StepOutcome {
    optimizer.beginStep()
    _ = optimizer.update(
      &weights, gradient: gradient, in: exchange.updated, rate: experiment.learningRate)
    clock.mark(.optimizer)
    try exchange.publish(&weights, on: world)
    clock.mark(.reduce)
    stepsDone += 1
    pastLedgers.append(ledger)
    return StepOutcome(
      step: stepsDone, epoch: 0, samples: memory.cursor.samples,
      learningRate: experiment.learningRate, ledger: ledger,
      decision: policy.decideEarly(ledger), noise: memory.noise, shares: draw.positions,
      epochIndex: draw.slice.epoch, share: draw.mine.count,
      local: (0, 0), bias: nil, seconds: clock.seconds, totalSeconds: clock.total)
  }

  /// A ledger without entries, in the memory of one of three steps ago: the recorder of steps holds
  /// the last one.
  private func emptyLedger(rank: Int) -> NormLedger {
    guard pastLedgers.count >= 3 else { return NormLedger(layout, rank: rank) }
    var ledger = pastLedgers.removeFirst()
    ledger.clear(rank: rank)
    return ledger
  }

  /// The norms of the last update over all ranks, which otherwise only the next step's ledger
  /// brings. One small allreduce.
  func reduceLastUpdate(on world: borrowing Communicator) throws -> NormLedger {
    var reduced = nextLedger
    try ledgers.reduce(&reduced, on: world)
    memory.lastUpdate = [reduced[.squaredUpdate], reduced[.squaredWeights]]
    return reduced
  }

  /// Adds up a ledger over all ranks; `book` says, for a trace, which of the step's ledgers it is.
  /// Collective.
  func reduce(
    _ ledger: inout NormLedger, on world: borrowing Communicator, from book: StepTracer.Book = .step
  ) throws {
    tracer?.sending(ledger, book)
    try ledgers.reduce(&ledger, on: world)
    tracer?.received(ledger)
  }

  /// The samples of an epoch in the order it visits them.
  func indices(ofEpoch epoch: Int) -> [UInt32] {
    if order.epoch != epoch {
      order = (
        epoch,
        experiment.data.order.indices(
          count: data.train.count, seed: UInt64(experiment.seed), epoch: epoch)
      )
    }
    return order.indices
  }

  /// Enters the norms of a part's update, for the next ledger.
  func note(_ norms: UpdateNorms, of part: Range<Int>) {
    nextLedger.add(norms.squaredChange, to: .squaredUpdate)
    nextLedger.add(norms.squaredWeights, to: .squaredWeights)
    tracer?.entered(part, nextLedger, in: .next)
  }

  /// An update's norms are about to be entered.
  func followUpdate() { tracer?.follow(nextLedger) }

  /// From now on notes each stage of each step in a file. Only in reproducible mode are the notes
  /// comparable.
  func startTrace(path: String, host: String, on world: borrowing Communicator) throws {
    tracer = try StepTracer(
      path: path, rank: world.rank, ranks: world.size, host: host, owned: exchange.owned,
      weights: weights, step: stepsDone)
  }

  /// Doubles the batch where the noise scale says that a larger one still pays.
  private func growBatch() {
    // A few steps' noise scale may be anything, and a batch does not shrink again.
    guard let growth = experiment.batchGrowth, memory.noise.isSettled,
      let scale = memory.noise.scale
    else { return }
    memory.globalBatch = growth.next(memory.globalBatch, noiseScale: scale)
  }

  private func check(
    _ ledger: NormLedger, against slice: GlobalBatches.BatchRange, on world: borrowing Communicator
  ) throws {
    let drawn = ledger.samples
    if drawn == Double(slice.positions.count) { return }
    // All ranks see it; the lowest reports it.
    try world.succeedOnAllRanks { () throws -> Void in
      throw RunFailure(
        .workerFailed,
        "step \(stepsDone + 1): the ranks drew \(drawn) samples in all, not \(slice.positions.count): they disagree on the data"
      )
    }
  }

  private func bias(_ ledger: NormLedger, _ decision: StepDecision) -> ClipBias? {
    guard let limit = experiment.clip.limit, let norm = decision.norm,
      let applied = decision.applied, norm > 0
    else {
      return nil
    }
    let exact = clipCoefficient(norm: norm, limit: limit) * norm
    switch policy.scope {
    case .meanGradient: return nil
    case .bound: return ClipBias(relative: abs(applied - exact) / exact, cosine: 1)
    case .worker:
      let cosine = applied > 0 ? ledger[.exactProduct] / (norm * applied) : 0
      let squared = max(0, applied * applied - 2 * applied * exact * cosine + exact * exact)
      return ClipBias(relative: squared.squareRoot() / exact, cosine: cosine)
    }
  }
}
