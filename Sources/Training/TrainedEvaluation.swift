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

  /// What rank 0 has read for all.
  private struct Source: Codable {
    /// Of the weights.
    var path: String
    var metadata: [String: String]
    /// The experiment, and the file that messages name.
    var text: String
    var name: String
  }

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
    let isFirst = world.rank == 0
    let (source, file) = try world.succeedOnAllRanks {
      try Self.checkOverrides(overrides)
      guard isFirst else { return (nil, nil) as (Source?, SafeTensors?) }
      // What is wrong with the file one rank says; the others only take what it reads.
      do { _ = try TrainedModel(path: path, choice: choice, registry: registry) } catch let error
        as ExperimentError
      { throw RunFailure(.data, error.description) }
      return try Self.read(path, choice, overrides)
    }
    let text = try source.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    let shared = try JSONDecoder().decode(
      Source.self, from: FoundationEssentials.Data(try world.broadcast(text ?? "").utf8))
    let experiment = try world.succeedOnAllRanks {
      try Experiment(
        text: shared.text, source: shared.name, overrides: overrides, registry: registry)
    }
    let trained = try TrainedModel(
      path: shared.path, metadata: shared.metadata, registry: registry,
      values: { layout in
        let mine = try world.succeedOnAllRanks {
          try file.map { try TrainedModel.values(layout, of: $0) }
        }
        return try world.broadcast(mine ?? [])
      })
    let data = try FlightRecorder.during(.data) {
      try EvaluationData(
        experiment.data, as: trained.inputs, all: Self.asksForAll(overrides),
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

  private static func read(_ path: String, _ choice: WeightsChoice, _ overrides: [String]) throws
    -> (Source?, SafeTensors?)
  {
    let file = try SafeTensors(path: choice.weightsFile(at: path))
    let directory = RunDirectory(path)
    var source = Source(
      path: file.path, metadata: file.metadata, text: "", name: directory.experiment)
    if FileManager.default.fileExists(atPath: directory.experiment) {
      source.text = try Experiment.text(of: directory.experiment)
      return (source, file)
    }
    source.name = file.path
    guard let description = ModelDescription(metadata: file.metadata) else {
      throw TrainedModel.undescribed(file.path)
    }
    guard description.data != nil || names("data.kind", overrides) else {
      throw FileError(
        file.path, "does not say what data the weights were trained on",
        remedy: "give the run directory, or --set data.kind=… and what else of [data] there is")
    }
    source.text = description.experiment
    return (source, file)
  }

  /// Whether an override gives a key.
  private static func names(_ key: String, _ overrides: [String]) -> Bool {
    overrides.contains { $0.prefix { $0 != "=" }.filter { $0 != " " } == key }
  }

  /// Whether another file is given, and nothing that says which part of it is meant.
  private static func asksForAll(_ overrides: [String]) -> Bool {
    names("data.path", overrides)
      && !["data.validation", "data.validation_path"].contains { names($0, overrides) }
  }

  private static func checkOverrides(_ overrides: [String]) throws(ExperimentError) {
    for text in overrides {
      let key = String(text.prefix { $0 != "=" }.filter { $0 != " " })
      if key.hasPrefix("data.") || ["seed", "training.micro_batch"].contains(key) { continue }
      throw ExperimentError(
        "--set \(text): the weights decide the rest; an evaluation takes keys of data, seed and training.micro_batch"
      )
    }
  }

  private static func check(_ given: SampleShape, suits wanted: SampleShape)
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
