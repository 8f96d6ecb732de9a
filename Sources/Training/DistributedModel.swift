import Configuration
import ExperimentKeys
import Files
import FoundationEssentials
import GradientReduction
import MPI
import Models
import Recording
import Reports
import TensorFiles
import Vectors

/// Trained weights on every rank, and the experiment that they are from: what commands work with that
/// divide samples among ranks.
struct DistributedModel {
  let trained: TrainedModel
  let experiment: Experiment

  /// What rank 0 has read for all.
  private struct Source: Codable {
    /// Of the weights.
    var path: String
    var metadata: [String: String]
    /// The experiment, and the file that messages name.
    var text: String
    var name: String
  }

  /// Reads the weights at rank 0, for all. Collective: two broadcasts, of the description and of the
  /// weights.
  ///
  /// - Parameters:
  ///   - path: a run directory, a checkpoint directory or a weights file.
  ///   - choice: which of a run directory's weights.
  ///   - overrides: keys of the experiment: of its data, `seed` and `training.micro_batch`.
  ///   - registry: kinds of the program's own that the model and the data may be of.
  /// - Throws: an `ExperimentError` where an override is none of those; a `FileError` where a file
  ///   cannot be used.
  init(
    path: String, weights choice: WeightsChoice, overrides: [String], registry: Registry,
    on world: borrowing Communicator
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
    (self.trained, self.experiment) = (trained, experiment)
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
  static func asksForAll(_ overrides: [String]) -> Bool {
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
}
