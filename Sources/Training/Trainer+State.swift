import Data
import FoundationEssentials
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import Vectors

// Where a run is.
extension Trainer {
  public var model: any Model { pass.model }
  var data: TrainingData { sampler.data }
  /// Samples of an epoch: the training rows that are not held out for evaluations.
  public var sampleCount: Int { sampler.sampleCount }

  public var weights: FlatVector {
    _read { yield parameters.weights }
    _modify { yield &parameters.weights }
  }

  /// This rank's part of the optimiser's state.
  public var optimizer: Optimizer {
    _read { yield updater.optimizer }
    _modify { yield &updater.optimizer }
  }

  /// This rank's part of moment `index` of ``/Optimizers/OptimizerRule/momentNames``.
  public func moment(_ index: Int) -> [Float] { updater.moment(index) }

  /// Steps done.
  public var stepsDone: Int { statistics.stepsDone }
  /// Steps from the start of training to its end, at the batch size it starts with.
  public var totalSteps: Int { sampler.length.totalSteps }

  /// Epochs done, with the part of the one that is under way.
  public var epoch: Double { Double(sampler.cursor.samples) / Double(sampleCount) }

  /// Whether the run's length is reached, or its stop rule met.
  public var isDone: Bool {
    policy.stopReason != nil || sampler.length.isReached(after: stepsDone, at: sampler.cursor)
  }

  /// Waits until the weights that other ranks updated are here. All ranks call it.
  package func finishAllGather() throws { try parameters.finishAllGather() }

  /// Takes steps until the run is over, and calls `body` after each. Collective; what `body` does
  /// with messages it does on every rank.
  public func train(
    on world: borrowing Communicator, onStep body: (StepOutcome) throws -> Void = { _ in }
  ) throws {
    while !isDone { try body(step(on: world)) }
  }

  /// What a trainer carries from step to step beside weights and the optimiser's moments; kept in
  /// checkpoints.
  package struct Memory: Codable, Equatable {
    package var cursor = SampleCursor()
    /// Samples a step, which ``BatchGrowth`` may raise.
    package var globalBatch: Int
    package var noise = NoiseScale()
    /// By tensor, where that is recorded.
    package var layerNoise: TensorNoise?
    package var policy = StepPolicy.Memory()
    package var rates = StateValue.none
    package var stop = StateValue.none
    package var distance = DistanceOverGradients()
    /// The squared norms of the last update and of the weights before it, over all ranks: what the
    /// next step's ledger is to bring.
    package var lastUpdate = [0.0, 0.0]

    package init(globalBatch: Int) { self.globalBatch = globalBatch }

    /// The names in checkpoints of version 1, which stay.
    private enum CodingKeys: String, CodingKey {
      case cursor, globalBatch, noise, layerNoise
      case policy = "judge"
      case rates, stop, distance, lastUpdate
    }
  }

  /// What decisions depend on besides the step's ledger; equal on all ranks.
  var memory: Memory {
    var memory = Memory(globalBatch: sampler.globalBatch)
    (memory.cursor, memory.noise) = (sampler.cursor, statistics.noise)
    memory.layerNoise = statistics.layerNoise
    memory.lastUpdate = statistics.lastUpdate
    policy.save(to: &memory)
    return memory
  }

  /// Goes on after step `stepsDone` of a checkpoint.
  func restore(_ memory: Memory, stepsDone: Int, rank: Int) {
    sampler.restore(memory.cursor, globalBatch: memory.globalBatch)
    statistics.restore(memory, stepsDone: stepsDone, rank: rank)
    policy.restore(memory)
    autopsy?.restore()
  }

  /// All that decisions depend on besides a step's ledger, as a checkpoint writes it: the same text
  /// on every rank.
  public func decisionMemory() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(memory), as: UTF8.self)
  }

  /// The norms of the last update over all ranks, which otherwise only the next step's ledger
  /// brings. One small allreduce.
  func reduceLastUpdate(on world: borrowing Communicator) throws -> NormLedger {
    try statistics.reduceLastUpdate(on: world)
  }
}
