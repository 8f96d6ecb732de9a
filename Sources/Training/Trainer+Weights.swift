import Configuration
import Data
import Files
import GradientReduction
import MPI
import Models
import Recording
import Reports
import TensorFiles
import Vectors

extension Trainer {
  /// What weights files say of their model; nil where no experiment describes it.
  var modelDescription: ModelDescription? {
    settings.modelSection.map {
      ModelDescription(
        model: $0, data: settings.dataSection, seed: settings.seed,
        microBatch: settings.training.microBatch, trainedOn: data.train)
    }
  }

  /// Writes the weights and running statistics, and what makes a model of them, and returns the
  /// file's SHA-256.
  @discardableResult
  func writeWeights(
    to path: String, notes: [String: String] = [:], holding lock: RunLock? = nil
  ) throws -> String {
    try weights.write(
      to: path, with: model.runningStatistics, describing: modelDescription, notes: notes,
      holding: lock)
  }

  /// Writes the weights that evaluation uses, at rank 0, which gets the file's SHA-256. Collective.
  @discardableResult
  func writeFinalWeights(
    to path: String, notes: [String: String] = [:], holding lock: RunLock?,
    on world: borrowing Communicator
  ) throws -> String? {
    // Rank 0 alone reads the weights.
    try finishAllGather()
    return try updater.withEvaluationWeights(on: world) {
      try world.succeedOnAllRanks {
        guard world.rank == 0 else { return nil }
        return try recording { try writeWeights(to: path, notes: notes, holding: lock) }
      }
    }
  }

  /// Writes the running mean of the weights, where there is one, at rank 0. Collective.
  func writeAverageWeights(
    to path: String, holding lock: RunLock?, on world: borrowing Communicator
  ) throws {
    _ = try withAverage(on: world) {
      try world.succeedOnAllRanks {
        guard world.rank == 0 else { return }
        _ = try recording { try writeWeights(to: path, holding: lock) }
      }
    }
  }

  /// Writes the final weights to a safetensors file: those that evaluation uses, an average where
  /// the optimiser has one. Collective; rank 0 writes.
  public func writeFinalWeights(to path: String, on world: borrowing Communicator) throws {
    try writeFinalWeights(to: path, holding: nil, on: world)
  }

  /// Starts from the weights of a safetensors file, read at rank 0 for all. Collective.
  public func start(from path: String, on world: borrowing Communicator) throws {
    let layout = model.layout
    var running: [Float]?
    let values = try world.succeedOnAllRanks { () throws -> [Float]? in
      guard world.rank == 0 else { return nil }
      let file = try SafeTensors(path: path)
      let values = try layout.read(file) { $0 }
      running = try model.runningStatistics?.layout.read(file) { $0 }
      for segment in layout.segments {
        guard let place = values[segment.range].firstIndex(where: { !$0.isFinite }) else {
          continue
        }
        throw FileError(
          path,
          "tensor \(segment.name) holds \(values[place]) at element \(place - segment.range.lowerBound): no step could be taken from it",
          remedy: "give weights that are finite as model.init")
      }
      return values
    }
    try parameters.broadcast(values, on: world)
    try model.runningStatistics?.values.broadcast(from: running, on: world)
    updater.start()
  }
}
