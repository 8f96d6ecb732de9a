import Configuration
import Data
import GradientReduction
import MPI
import Models
import Optimizers
import Training
import Vectors

/// A trainer whose step has nothing of norms, no ledger and no decision: what they cost is measured
/// against it. One micro-batch a rank.
final class UnmeasuredTrainer {
  private let model: any Model
  private let data: any Dataset
  private let order: [UInt32]
  private let globalBatch: Int
  private let reducer: any GradientReducer
  private let parameters: Parameters
  private let rate: Double
  private var gradient: FlatVector
  private var scratch: FlatVector?
  private var optimizer: Optimizer
  private var batch: Batch
  private var cursor = SampleCursor()

  init(_ experiment: Experiment, data: TrainingData, on world: borrowing Communicator) throws {
    let training = experiment.training
    model = try experiment.model.recipe.model(for: data.train.shape, seed: 1)
    self.data = data.train
    order = experiment.data.order.indices(count: data.train.count, seed: 1, epoch: 0)
    (globalBatch, rate) = (training.globalBatch, experiment.learningRate)
    let microBatches = (0..<world.size).map { $0..<$0 + 1 }
    reducer = try Trainer.makeReducer(
      training, model.layout, microBatches: microBatches, on: world
    ).reducer
    parameters = try reducer.makeParameters(on: world)
    gradient = try reducer.makeGradient(on: world)
    optimizer = Optimizer(rule: experiment.optimizer, owning: reducer.partition.updated)
    batch = Batch(capacity: training.microBatch, shape: data.train.shape)
    let model = model
    try parameters.fill(on: world) { model.initialize(&$0, seed: 1) }
  }

  /// Draws, computes, sums, updates and gathers. Collective.
  func step(on world: borrowing Communicator) throws {
    let slice = cursor.next(globalBatch, of: data.count)
    let count = slice.positions.count
    let share = Partition.bySample.share(of: count, rank: world.rank, ranks: world.size)
    let first = slice.positions.lowerBound
    try reducer.begin((0..<world.size).map { $0..<$0 + 1 }, on: world)
    try data.fill(
      &batch, with: order[first + share.lowerBound..<first + share.upperBound], epoch: slice.epoch)
    let microBatch = MicroBatch(number: world.rank, isFirst: true, isApart: false)
    reducer.accumulate(microBatch, into: &gradient, scratch: &scratch) { vector, adds in
      _ = model.lossAndGradient(
        batch, weights: parameters.weights, into: &vector, scale: 1 / Float(count),
        accumulate: adds, finished: { _, _ in })
    }
    _ = try reducer.reduce(&gradient, on: world)
    optimizer.beginStep()
    for range in reducer.partition.updated.ranges {
      _ = optimizer.update(&parameters.weights, gradient: gradient, in: range, rate: rate)
    }
    try parameters.allGather(on: world)
  }
}
