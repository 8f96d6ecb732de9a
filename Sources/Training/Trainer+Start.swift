import Configuration
import Data
import ExperimentKeys
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import Scaling
import Vectors

extension Trainer {
  /// A replica at step 0 of a model, its weights drawn from the settings' seed. Every rank of
  /// `world` makes one, with equal arguments. Collective.
  ///
  /// `reducer` sums the gradients; without one it is chosen by the settings and by where the ranks
  /// are. Throws where settings exclude each other or do not suit the ranks.
  public convenience init(
    model: any Model, data: TrainingData, optimizer: any OptimizerRule = SGD(),
    clip: any ClipRule = NoClip(), settings: TrainerSettings = TrainerSettings(),
    reducer: (any GradientReducer)? = nil, on world: borrowing Communicator
  ) throws {
    var settings = settings
    (settings.optimizer, settings.clip) = (optimizer, clip)
    try settings.validate()
    try self.init(model, data, settings, reducer: reducer, on: world)
  }

  /// A replica at step 0 of what an experiment says. Every rank of `world` makes one. Collective.
  ///
  /// `ranksPerNode` takes so many consecutive ranks for a node; tests have several nodes on one
  /// machine by it. `simulation` makes messages, and the computing of stragglers, as slow as on
  /// another cluster. `end` is where training ends before its length.
  public convenience init(
    _ experiment: Experiment, data: TrainingData, ranksPerNode: Int? = nil,
    simulation: Simulation? = nil, end: RunEnd? = nil, on world: borrowing Communicator
  ) throws {
    var settings = TrainerSettings(experiment)
    settings.end = end
    try self.init(
      experiment.model.recipe.model(for: data.train.shape, seed: UInt64(experiment.seed)), data,
      settings, reducer: nil, ranksPerNode: ranksPerNode,
      simulation: simulation, on: world)
  }

  /// Draws the starting weights: on every rank the same. Returns what the user is to know of them.
  static func initialize(
    _ parameters: Parameters, _ model: any Model, _ sampler: BatchSampler, _ seed: UInt64,
    on world: borrowing Communicator
  ) throws -> String? {
    var note: String?
    try parameters.fill(on: world) { weights in
      guard let model = model as? any DataDependentInitialization else {
        return model.initialize(&weights, seed: seed)
      }
      let seen = try sampler.firstSamples(model.startingSamples)
      note = model.startingNote(seen)
      model.initialize(&weights, seed: seed, samples: seen)
    }
    return note
  }

  /// Reads up to 65,536 samples of the training set and of the test set, divided over the ranks,
  /// where the model's loss is not defined for every value: so that data that do not suit are
  /// refused before the first step. Collective.
  public func checkInputs(on world: borrowing Communicator) throws {
    guard pass.inputs.isNeeded(for: data.train.shape) else { return }
    try world.succeedOnAllRanks {
      for set in [data.train, data.test] {
        let (count, size) = (min(set.count, 1 << 16), 256)
        var batch = Batch(capacity: min(count, size), shape: set.shape)
        for start in stride(from: world.rank * size, to: count, by: world.size * size) {
          try set.fill(&batch, with: (start..<min(start + size, count)).map(UInt32.init)[...])
          try pass.inputs.check(batch, of: set)
        }
      }
    }
  }
}
