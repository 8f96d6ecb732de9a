import Configuration
import Data
import ExperimentKeys
import Files
import FlightRecorder
import FoundationEssentials
import GradientReduction
import MPI
import Models
import Recording
import Reports
import TensorFiles
import Vectors

/// Trained weights and the samples that they are evaluated on: `lockstep evaluate`.
///
/// A run directory's experiment says what the test set is, or the metadata of a weights file do.
/// What the data become, such as a table's categories and means, the weights file says in any case.
/// Collective: every rank makes the same calls.
public struct TrainedEvaluation {
  /// What the user is to know of how the data were read.
  public let notes: [String]
  private let trained: TrainedModel
  private let experiment: Experiment
  private let rows: EvaluatedRows

  /// Reads the weights at rank 0, for all, and opens the data.
  ///
  /// - Parameters:
  ///   - path: a run directory, a checkpoint directory or a weights file.
  ///   - choice: which of a run directory's weights.
  ///   - overrides: keys of the experiment: of its data, `seed` and `training.micro_batch`. With
  ///     another `data.path` all of it is the test set, unless `data.validation` says otherwise.
  ///   - registry: kinds of the program's own that the model and the data may be of.
  ///   - world: the ranks that evaluate.
  /// - Throws: an `ExperimentError` where an override is none of those, or the data do not suit the
  ///   model; a `FileError` where a file cannot be used.
  public init(
    path: String, weights choice: WeightsChoice = .newest, overrides: [String] = [],
    registry: Registry = Registry(), on world: borrowing Communicator
  ) throws {
    let source = try DistributedModel(
      path: path, weights: choice, overrides: overrides, registry: registry, on: world)
    let (trained, experiment) = (source.trained, source.experiment)
    let data = try FlightRecorder.during(.data) {
      try EvaluationData(
        experiment.data, as: trained.inputs, all: DistributedModel.asksForAll(overrides),
        seed: experiment.seed, on: world)
    }
    try world.succeedOnAllRanks { try Self.check(data.set.shape, suits: trained.samples) }
    (self.trained, self.experiment, notes) = (trained, experiment, data.notes)
    rows = EvaluatedRows(data.set, all: data.set.count)
  }

  /// Loss and score, the same at any number of ranks to the bit. Collective.
  public func result(on world: borrowing Communicator) throws -> EvaluationResult {
    FlightRecorder.enter(.evaluation)
    let scores = try rows.scores(
      of: trained.model, weights: trained.weights, block: experiment.training.microBatch,
      InputCheck(trained.model, TrainerSettings(experiment)), on: world)
    return EvaluationResult(
      weights: trained.path, samples: rows.count, ranks: world.size, scores: scores)
  }

  static func check(_ given: SampleShape, suits wanted: SampleShape)
    throws(ExperimentError)
  {
    func refuse(_ what: String, _ given: Int, _ wanted: Int) throws(ExperimentError) {
      throw ExperimentError(
        "the data have \(given) \(what), the model was trained on \(wanted): give data like those")
    }
    if given.inputs != wanted.inputs { try refuse("inputs", given.inputs, wanted.inputs) }
    if given.tokens != wanted.tokens { try refuse("tokens a sample", given.tokens, wanted.tokens) }
    if given.labels != wanted.labels { try refuse("labels a sample", given.labels, wanted.labels) }
    if given.targets != wanted.targets { try refuse("targets", given.targets, wanted.targets) }
    // A test set may lack the last classes.
    if given.classes > wanted.classes { try refuse("classes", given.classes, wanted.classes) }
    guard given.environment == wanted.environment,
      wanted.image == nil || given.image == wanted.image
    else {
      throw ExperimentError(
        "the data are of another form than those that the model was trained on: give data like those"
      )
    }
  }
}

extension EvaluationData {
  /// Opens the test set of an experiment's data for a trained model. Collective.
  fileprivate init(
    _ choice: Experiment.DataChoice, as trained: TrainedInputs, all: Bool, seed: Int,
    on world: borrowing Communicator
  ) throws {
    let context = try RankDataContext(on: world)
    self = try choice.recipe.openTest(as: trained, all: all, seed: UInt64(seed), on: context)
    try context.free()
  }
}
