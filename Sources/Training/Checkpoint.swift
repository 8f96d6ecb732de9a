import Coordination
import Data
import Files
import FlightRecorder
import FoundationEssentials
import GradientNorms
import MPI
import Models
import Optimizers
import Reports
import TensorFiles
import Vectors

/// The checkpoints of a run directory: `checkpoints/step-XXXXXXXX/{model,optimizer}.safetensors, state.json`.
///
/// Rank 0 reads and writes; the other ranks send their slices of the optimiser's state to it, so that a checkpoint can be resumed by any
/// number of ranks. A checkpoint is written under a temporary name, flushed, and renamed: it is there whole or not at all.
struct Checkpoints {
  let directory: String
  /// How many of the newest are kept.
  let keep: Int
  /// The run directory's, at the rank that writes.
  let lock: RunLock?

  /// Writes the trainer's state. Collective.
  func save(_ trainer: Trainer, _ history: RunHistory, on world: borrowing Communicator) throws {
    FlightRecorder.enter(.checkpoint)
    let moments = try trainer.optimizer.gatherMoments(slice: trainer.exchange.owned, on: world)
    try world.agree {
      guard let moments else { return }
      try recording { try write(trainer, moments: moments, history, ranks: world.size) }
    }
  }

  private func write(_ trainer: Trainer, moments: [[Float]], _ history: RunHistory, ranks: Int) throws {
    try RunDirectory.make(directory)
    let name = directory + "/" + RunDirectory.checkpointName(trainer.stepsDone)
    // One of this step is there already only if it could not be read, or was made before a resume from an older one.
    try? FileManager.default.removeItem(atPath: name)
    let folder = try DurableDirectory(path: name)
    let path = folder.temporaryPath
    let layout = trainer.model.layout
    let model = try trainer.writeWeights(to: path + "/model.safetensors")
    let names = trainer.optimizer.rule.momentNames
    var writer = try SafeTensorsWriter(
      path: path + "/optimizer.safetensors",
      tensors: names.flatMap { moment in layout.segments.map { ("\($0.name).\(moment)", $0.shape) } })
    for moment in moments {
      for segment in layout.segments { try writer.append(moment.span.extracting(segment.range)) }
    }
    let optimizer = try writer.finish()
    let state = CheckpointState(
      step: trainer.stepsDone, seed: trainer.experiment.seed, order: trainer.experiment.data.order.rawValue,
      globalBatch: trainer.experiment.training.globalBatch, sampleCount: trainer.data.train.count,
      optimizer: trainer.optimizer.rule.name,
      optimizerSteps: trainer.optimizer.stepCount, ranks: ranks, memory: trainer.memoryToKeep, history: history, modelSHA256: model,
      optimizerSHA256: optimizer)
    try DurableFile.write(try state.text(), to: path + "/state.json")
    try folder.publish(holding: lock)
    // Later ones than this were passed over when the run was resumed: kept, they would count as the newest, and push good ones out.
    let later = steps().filter { $0 > trainer.stepsDone }
    for old in steps().filter({ $0 <= trainer.stepsDone }).dropLast(keep) + later {
      try? FileManager.default.removeItem(atPath: directory + "/" + RunDirectory.checkpointName(old))
    }
  }

  /// Restores the newest checkpoint that verifies. Returns its history, and a note for each newer one that had to be passed over; nil
  /// where there is none. Collective.
  func restore(_ trainer: Trainer, on world: borrowing Communicator) throws -> (history: RunHistory, notes: [String])? {
    FlightRecorder.enter(.checkpoint)
    defer { FlightRecorder.enter(.startUp) }
    // Rank 0 alone reads; what it read is broadcast, so that the files need not be visible to the others.
    var loaded: Loaded?
    var notes: [String] = []
    try world.agree {
      guard world.rank == 0 else { return }
      DurableDirectory.removeLeftovers(in: directory)
      for step in steps().reversed() {
        do {
          loaded = try load(step, trainer)
          break
        } catch let error as FileError {
          notes.append("checkpoint step \(step) is passed over: \(error)")
        }
      }
      if loaded == nil, let note = notes.first {
        throw RunFailure(.data, "no checkpoint in \(directory) can be read: \(note); --force starts afresh")
      }
    }
    let text = try world.broadcast(loaded?.text ?? [])
    guard let state = CheckpointState(text: text) else { return nil }
    try trainer.exchange.broadcast(loaded?.weights, into: &trainer.weights, on: world)
    for index in trainer.optimizer.rule.momentNames.indices {
      var moment = FlatVector(zeros: trainer.model.layout)
      try moment.broadcast(from: loaded?.moments[index], on: world)
      trainer.optimizer.setMoment(index, from: moment)
    }
    trainer.optimizer.restore(stepCount: state.optimizerSteps)
    trainer.stepsDone = state.step
    trainer.restore(state.memory, rank: world.rank)
    return (state.history, notes)
  }

  private struct Loaded {
    var text: [UInt8]
    var weights: [Float]
    var moments: [[Float]]
  }

  private func load(_ step: Int, _ trainer: Trainer) throws -> Loaded {
    let path = directory + "/" + RunDirectory.checkpointName(step)
    let file = path + "/state.json"
    guard let bytes = FileManager.default.contents(atPath: file) else { throw FileError(file, "cannot be read") }
    let text = Array(bytes)
    guard let state = CheckpointState(text: text) else { throw FileError(file, "is damaged, or not the state of a checkpoint") }
    guard state.step == step else { throw FileError(file, "is the state of step \(state.step), in the directory of step \(step)") }
    if let what = state.impossibility(sampleCount: trainer.data.train.count, tensors: trainer.model.layout.segments.count) {
      throw FileError(file, "says \(what)", remedy: "no run can have written that")
    }
    let model = try Self.verified(path + "/model.safetensors", state.modelSHA256)
    let optimizer = try Self.verified(path + "/optimizer.safetensors", state.optimizerSHA256)
    try checkSameRun(state, trainer)
    let layout = trainer.model.layout
    let weights = try layout.read(model) { $0 }
    let moments = try trainer.optimizer.rule.momentNames.map { moment in try layout.read(optimizer) { "\($0).\(moment)" } }
    return Loaded(text: text, weights: weights, moments: moments)
  }

  private static func verified(_ path: String, _ digest: String) throws(FileError) -> SafeTensors {
    let file = try SafeTensors(path: path)
    guard try file.sha256() == digest else { throw FileError(path, "its SHA-256 is not the one in state.json") }
    return file
  }

  /// The samples of the steps to come are those of the uninterrupted run only if these are the same.
  private func checkSameRun(_ state: CheckpointState, _ trainer: Trainer) throws {
    func same<Value: Equatable>(_ key: String, _ was: Value, _ now: Value) throws {
      if was != now {
        throw RunFailure(
          .usage, "\(key) is \(now) and was \(was) in the checkpoint of step \(state.step): resume with the same, or use --force")
      }
    }
    try same("seed", state.seed, trainer.experiment.seed)
    try same("data.order", state.order, trainer.experiment.data.order.rawValue)
    try same("optimizer.kind", state.optimizer, trainer.optimizer.rule.name)
    try same("training.global_batch", state.globalBatch, trainer.experiment.training.globalBatch)
    try same("the number of training samples", state.sampleCount, trainer.data.train.count)
  }

  private func steps() -> [Int] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
      .compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
  }
}
