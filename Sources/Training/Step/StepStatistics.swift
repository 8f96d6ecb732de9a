import Configuration
import Data
import GradientNorms
import GradientReduction
import MPI
import Optimizers
import Recording
import Reports
import Vectors

/// The ledgers of a run: what this rank enters, their reduction, and what is remembered of them.
///
/// The norms of an update are of shards, and travel in the next step's ledger: only this type knows
/// of it.
final class StepStatistics {
  let layout: LedgerLayout
  let observers: StepObservers
  private var ledgers: LedgerReduction
  private let mean: MeanGradient
  /// The next step's ledger so far, with the norms of the last update.
  private var nextLedger: NormLedger
  /// The last steps' ledgers, whose memory serves again when nothing reads them any more.
  private var pastLedgers: [NormLedger] = []
  /// Steps done.
  private(set) var stepsDone = 0
  private(set) var noise = NoiseScale()
  /// The same of each tensor; nil where that is not recorded.
  private(set) var layerNoise: TensorNoise?
  /// The squared norms of the last update and of the weights before it, over all ranks: what the
  /// next step's ledger is to bring. Known only after ``reduceLastUpdate(on:)``.
  private(set) var lastUpdate = [0.0, 0.0]

  init(
    _ settings: TrainerSettings, _ tensors: TensorLayout, _ partition: ParameterPartition,
    _ observers: StepObservers, on world: borrowing Communicator
  ) throws {
    layout = settings.ledgerLayout(tensorCount: tensors.segments.count)
    if settings.report.noiseLayers {
      layerNoise = TensorNoise(tensorCount: tensors.segments.count)
    }
    self.observers = observers
    ledgers = try LedgerReduction(layout)
    mean = MeanGradient(partition, layout, settings, observers)
    nextLedger = NormLedger(layout, rank: world.rank)
  }

  /// The ledger of a step that begins; the next one's is empty.
  func beginStep(rank: Int) -> NormLedger {
    var ledger = emptyLedger(rank: rank)
    swap(&ledger, &nextLedger)
    return ledger
  }

  /// A ledger without entries, in the memory of one of three steps ago: the recorder of steps holds
  /// the last one.
  private func emptyLedger(rank: Int) -> NormLedger {
    guard pastLedgers.count >= 3 else { return NormLedger(layout, rank: rank) }
    var ledger = pastLedgers.removeFirst()
    ledger.clear(rank: rank)
    return ledger
  }

  /// An empty ledger for a further reduction within the step.
  func sideLedger(rank: Int) -> NormLedger {
    let ledger = NormLedger(layout, rank: rank)
    if !observers.isEmpty { observers.entered(.first, ledger) }
    return ledger
  }

  /// Enters this rank's parts, and returns its sum of losses and the norm of its mean gradient.
  func contribute(_ local: LocalNorms, _ batches: StepBatches, into ledger: inout NormLedger) -> (
    loss: Double, norm: Double
  ) {
    var isFinite = true
    if !observers.isEmpty { observers.entered(.first, ledger) }
    for (part, first) in zip(local.parts, local.losses) {
      let norm = ledger.contribute(
        samples: part.samples, of: batches.total, loss: first.loss, weightedSquares: part.squares,
        rank: batches.rank)
      if !observers.isEmpty { observers.entered(.microBatch, ledger) }
      guard let norm else {
        isFinite = false
        continue
      }
      if let expected = noise.expectedSquares(samples: part.samples), expected > 0 {
        ledger.raise(.outlier, to: norm * norm / expected, rank: batches.rank)
      }
    }
    let loss = local.losses.reduce(0) { $0 + $1.loss }
    guard isFinite, batches.mine.count > 0 else { return (loss, isFinite ? 0 : .nan) }
    // With micro-batches measured apart, the root mean square of their norms stands for the rank's.
    let weighted = local.parts.reduce(0.0) {
      $0 + $1.squares.reduce(0, +) / Double(max($1.samples, 1))
    }
    return (loss, (weighted / Double(batches.mine.count)).squareRoot() * Double(batches.total))
  }

  /// Measures and regularises the mean gradient where this rank holds it, and enters the shard's
  /// squares; `squares` are those that the reduction left. Collective where norms of orders above 3
  /// are measured, or largest elements clipped, to what `limits` makes of them.
  func measure(
    _ pass: GradientPass, squares: [Double], _ updater: ParameterUpdater,
    into ledger: inout NormLedger, on world: borrowing Communicator,
    limits: (_ ofLargest: [Double]) -> [Double]
  ) throws {
    try mean.measure(
      &pass.gradient, squares: squares, pass.scheme, updater, into: &ledger, on: world,
      limits: limits)
  }

  /// Completes this rank's part of the step's ledger and adds up all ranks'. Collective; throws on
  /// all ranks where they did not draw the step's samples.
  func close(_ step: inout StepInProgress, on world: borrowing Communicator) throws {
    let asked = StopSignals.poll()
    step.ledger[.stopRequests] = asked.stop ? 1 : 0
    step.ledger[.checkpointRequests] = asked.checkpoint ? 1 : 0
    for observer in observers.all { observer.closing(&step.ledger, in: step.number) }
    try reduce(&step.ledger, on: world)
    let (drawn, total) = (step.ledger.samples, step.batches.total)
    if drawn == Double(total) { return }
    // All ranks see it; the lowest reports it.
    try world.succeedOnAllRanks { () throws -> Void in
      throw RunFailure(
        .workerFailed,
        "step \(step.number): the ranks drew \(drawn) samples in all, not \(total): they disagree on the data"
      )
    }
  }

  /// Adds up a ledger over all ranks; `book` says, for observers, which of the step's ledgers it
  /// is. Collective, one small allreduce; two where a step's does not fit into what travels.
  func reduce(
    _ ledger: inout NormLedger, _ book: LedgerBook = .step, on world: borrowing Communicator
  ) throws {
    for observer in observers.all { observer.reducing(ledger, book) }
    switch book {
    case .step: try ledgers.reduceStep(&ledger, on: world)
    default: try ledgers.reduce(&ledger, on: world)
    }
    for observer in observers.all { observer.reduced(ledger) }
  }

  /// The norms of an update are entered from now on.
  func beginUpdate() { if !observers.isEmpty { observers.entered(.first, nextLedger) } }

  /// Enters the norms of a part's update, for the next ledger.
  func add(_ norms: UpdateNorms, of part: Range<Int>) {
    nextLedger.add(norms.squaredChange, to: .squaredUpdate)
    nextLedger.add(norms.squaredWeights, to: .squaredWeights)
    observers.entered(part, nextLedger, in: .next)
  }

  /// The norms of the last update over all ranks, which otherwise only the next step's ledger
  /// brings. Collective, one small allreduce.
  func reduceLastUpdate(on world: borrowing Communicator) throws -> NormLedger {
    var reduced = nextLedger
    try ledgers.reduce(&reduced, on: world)
    lastUpdate = [reduced[.squaredUpdate], reduced[.squaredWeights]]
    return reduced
  }

  /// Takes in a step that was not skipped.
  func record(_ ledger: NormLedger) {
    noise.record(ledger)
    layerNoise?.record(ledger)
  }

  /// A step is over.
  func endStep(_ ledger: NormLedger) {
    stepsDone += 1
    pastLedgers.append(ledger)
  }

  /// Goes on where a checkpoint was written; noise by tensor that it does not have starts afresh.
  func restore(_ memory: Trainer.Memory, stepsDone: Int, rank: Int) {
    (self.stepsDone, noise, lastUpdate) = (stepsDone, memory.noise, memory.lastUpdate)
    if layerNoise != nil, let saved = memory.layerNoise { layerNoise = saved }
    // Only rank 0 contributes; the sum reaches every rank.
    if rank == 0 {
      (nextLedger[.squaredUpdate], nextLedger[.squaredWeights]) = (lastUpdate[0], lastUpdate[1])
    }
  }
}
