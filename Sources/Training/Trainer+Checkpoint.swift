import Configuration
import Files
import GradientReduction
import MPI
import Models
import Recording
import TensorFiles
import Vectors

// Checkpoints of a trainer that no experiment file describes.
extension Trainer {
  /// Writes a checkpoint, `checkpoints/step-XXXXXXXX` in a directory, of which the newest `keep`
  /// stay. The directory is made where it is not there. Collective; rank 0 writes.
  public func writeCheckpoint(
    in directory: String, keep: Int = 3, on world: borrowing Communicator
  ) throws {
    try world.succeedOnAllRanks { if world.rank == 0 { try RunDirectory.make(directory) } }
    _ = try reduceLastUpdate(on: world)
    try checkpoints(directory, keep: keep).save(self, RunHistory(), on: world)
  }

  /// Goes on after the newest checkpoint in a directory that is sound, at any number of ranks.
  /// Collective; rank 0 reads. Returns what could not be taken over, a line each.
  ///
  /// Throws where there is none, and where batch, seed, order or data are not those it was made
  /// with.
  @discardableResult
  public func restoreCheckpoint(in directory: String, on world: borrowing Communicator) throws
    -> [String]
  {
    try checkpoints(directory, keep: 1).restore(self, on: world).notes
  }

  private func checkpoints(_ directory: String, keep: Int) -> Checkpoints {
    Checkpoints(
      directory: RunDirectory(directory).checkpoints, keep: keep, lock: nil, experiment: nil)
  }
}

// What a reducer remembers: `reducer.safetensors`, a tensor a rank.
extension Trainer {
  /// Every rank's state at rank 0; nil elsewhere, and where the reducer has none. Collective.
  func gatherReducerState(on world: borrowing Communicator) throws -> [[Float]]? {
    guard let reducer = reducer as? any StatefulReducer else { return nil }
    return try world.gather(reducer.state.span)
  }

  /// Writes the ranks' states into a checkpoint's folder.
  func writeReducerState(_ states: [[Float]]?, into path: String) throws
    -> CheckpointState.ReducerFile?
  {
    guard let states, let reducer = reducer as? any StatefulReducer else { return nil }
    var writer = try SafeTensorsWriter(
      path: path + "/reducer.safetensors",
      tensors: states.enumerated().map { ("rank\($0)", [$1.count]) })
    for state in states { try writer.append(state.span) }
    return CheckpointState.ReducerFile(kind: reducer.stateKind, sha256: try writer.finish())
  }

  /// The ranks' states of a checkpoint; none where they are another reducer's.
  func readReducerState(_ state: CheckpointState, in path: String) throws -> [[Float]] {
    guard let saved = state.reducer, saved.kind == (reducer as? any StatefulReducer)?.stateKind
    else { return [] }
    let file = try SafeTensors(path: path + "/reducer.safetensors", sha256: saved.sha256)
    return try (0..<state.ranks).map { try file.floats(named: "rank\($0)") }
  }

  /// Gives the ranks the states that they take over, which rank 0 has; says where they are not
  /// taken over. Collective.
  func restoreReducer(
    _ state: CheckpointState, _ states: [[Float]], on world: borrowing Communicator
  ) throws -> [String] {
    let own = reducer as? any StatefulReducer
    guard let saved = state.reducer else { return [] }
    guard let own, own.stateKind == saved.kind else {
      return ["the state of the reducer \(saved.kind) is not taken over"]
    }
    var mine: [[Float]] = []
    for rank in 0..<state.ranks {
      let values = try world.broadcast(states.isEmpty ? [] : states[rank])
      if rank % world.size == world.rank { mine.append(values) }
    }
    own.restore(mine)
    return []
  }
}

// The running mean of the weights: `average.safetensors`, with the model's names.
extension Trainer {
  private static let averageFile = "/average.safetensors"

  /// Writes the mean into a checkpoint's folder and returns the file's SHA-256.
  func writeAverage(_ average: [Float]?, into path: String) throws -> String? {
    guard let average else { return nil }
    let running = pass.runningStatistics
    let runningSegments = running?.statistics.layout.segments ?? []
    var writer = try SafeTensorsWriter(
      path: path + Self.averageFile,
      tensors: (model.layout.segments + runningSegments).map { ($0.name, $0.shape) },
      metadata: modelDescription?.metadata ?? [:])
    for segment in model.layout.segments {
      try writer.append(average.span.extracting(segment.range))
    }
    for segment in runningSegments {
      try writer.append(running!.average!.elements(in: segment.range).span)
    }
    return try writer.finish()
  }

  /// The mean of a checkpoint; nil where it has none, or none is wanted.
  func readAverage(_ state: CheckpointState, in path: String) throws -> SavedAverage? {
    guard let digest = state.averageSHA256, updater.average != nil else { return nil }
    let file = try SafeTensors(path: path + Self.averageFile, sha256: digest)
    return SavedAverage(
      weights: try model.layout.read(file) { $0 },
      running: try model.runningStatistics?.layout.read(file) { $0 })
  }

  /// Gives the ranks the mean that rank 0 has read; says where there is none to go on from.
  /// Collective.
  func restoreAverage(
    _ state: CheckpointState, _ average: SavedAverage?, on world: borrowing Communicator
  ) throws -> [String] {
    guard let own = updater.average else { return [] }
    guard state.averageSHA256 != nil else {
      return state.step == 0
        ? []
        : [
          "evaluation.average: the checkpoint has no mean of the weights, it begins with step \(state.step + 1)"
        ]
    }
    var whole = FlatVector(zeros: model.layout)
    try whole.broadcast(from: average?.weights, on: world)
    own.restore(from: whole)
    if let running = pass.runningStatistics, let own = running.average {
      var whole = FlatVector(zeros: running.statistics.layout)
      try whole.broadcast(from: average?.running, on: world)
      own.restore(from: whole)
    }
    return []
  }
}

/// The mean of the weights, and of running statistics where the model has some, as a checkpoint
/// keeps it.
struct SavedAverage {
  var weights: [Float]
  var running: [Float]?
}

extension SafeTensors {
  /// Opens a file whose digest a checkpoint's state has.
  init(path: String, sha256: String) throws(FileError) {
    try self.init(path: path)
    guard try self.sha256() == sha256 else {
      throw FileError(path, "its SHA-256 is not the one in state.json")
    }
  }
}
