import Configuration
import GradientReduction
import Data
import Files
import FlightRecorder
import FoundationEssentials
import Glibc
import GradientNorms
import MPI
import Models
import Optimizers
import Recording
import Reports
import TensorFiles
import Vectors

/// The checkpoints of a run directory:
/// `checkpoints/step-XXXXXXXX/{model,optimizer}.safetensors, state.json`.
///
/// Rank 0 reads and writes; the other ranks send their slices of the optimiser's state to it, so
/// that a checkpoint can be resumed by any number of ranks. A checkpoint is written under a
/// temporary name, flushed, and renamed: it is there whole or not at all.
struct Checkpoints {
  let directory: String
  /// How many of the newest are kept.
  let keep: Int
  /// The run directory's, at the rank that writes.
  let lock: RunLock?
  /// What the run does; nil for one that no experiment describes.
  let experiment: Experiment?

  /// What rank 0 has of all ranks.
  private struct Gathered {
    var moments: [[Float]]
    /// What the reducer remembers, rank by rank; nil where it remembers nothing.
    var reducer: [[Float]]?
    /// The running mean of the weights, where there is one.
    var average: [Float]?
  }

  /// Writes the trainer's state. Collective.
  func save(_ trainer: Trainer, _ history: RunHistory, on world: borrowing Communicator) throws {
    FlightRecorder.enter(.checkpoint)
    // Rank 0 alone reads the weights.
    try trainer.finishAllGather()
    let moments = try trainer.optimizer.gatherMoments(
      trainer.reducer.partition.shard, on: world)
    let reducer = try trainer.gatherReducerState(on: world)
    let average = try trainer.updater.average?.gather(
      trainer.reducer.partition.shard, on: world)
    try world.succeedOnAllRanks {
      guard let moments else { return }
      let gathered = Gathered(moments: moments, reducer: reducer, average: average)
      try recording { try write(trainer, gathered, history, ranks: world.size) }
    }
  }

  private func write(_ trainer: Trainer, _ gathered: Gathered, _ history: RunHistory, ranks: Int)
    throws
  {
    let step = trainer.stepsDone
    let name = directory + "/" + RunDirectory.checkpointName(step)
    guard let present = try RunDirectory.list(directory) else {
      return try writeFirst(trainer, gathered, history, ranks: ranks)
    }
    // One of this step is there only if it was made with the same steps before it; it makes room.
    if present.contains(RunDirectory.checkpointName(step)) { try setAside(step) }
    let folder = try DurableDirectory(path: name)
    try write(trainer, gathered, history, ranks: ranks, into: folder.temporaryPath)
    try folder.publish(holding: lock)
    for old in try steps().filter({ $0 < step }).dropLast(keep - 1) {
      retire(RunDirectory.checkpointName(old))
    }
    for damaged in present where damaged.hasPrefix(Self.damagedPrefix) { retire(damaged) }
  }

  /// The folder gets its name together with the first checkpoint in it: where it is, there was one.
  private func writeFirst(
    _ trainer: Trainer, _ gathered: Gathered, _ history: RunHistory, ranks: Int
  ) throws {
    let folder = try DurableDirectory(path: directory)
    let path = folder.temporaryPath + "/" + RunDirectory.checkpointName(trainer.stepsDone)
    try RunDirectory.make(path)
    try write(trainer, gathered, history, ranks: ranks, into: path)
    try folder.publish(holding: lock)
  }

  private func write(
    _ trainer: Trainer, _ gathered: Gathered, _ history: RunHistory, ranks: Int, into path: String
  ) throws {
    let layout = trainer.model.layout
    let model = try trainer.writeWeights(to: path + "/model.safetensors")
    let names = trainer.optimizer.rule.momentNames
    var writer = try SafeTensorsWriter(
      path: path + "/optimizer.safetensors",
      tensors: names.flatMap { moment in layout.segments.map { ("\($0.name).\(moment)", $0.shape) }
      })
    for moment in gathered.moments {
      for segment in layout.segments { try writer.append(moment.span.extracting(segment.range)) }
    }
    let optimizer = try writer.finish()
    try keepBest(history.evaluations?.bestFile, in: path)
    let settings = trainer.settings
    let state = CheckpointState(
      step: trainer.stepsDone, seed: settings.seed, order: settings.order.rawValue,
      globalBatch: settings.training.globalBatch, sampleCount: trainer.sampleCount,
      ranks: ranks,
      trainer: TrainerState(
        trainer.memory, TrainerState.Tags(settings), optimizerSteps: trainer.optimizer.stepCount,
        idleSteps: trainer.updater.idleSteps),
      history: history, modelSHA256: model, optimizerSHA256: optimizer,
      experiment: experiment?.resolved, data: try DataSignature(trainer.data.train),
      reducer: try trainer.writeReducerState(gathered.reducer, into: path),
      averageSHA256: try trainer.writeAverage(gathered.average, into: path))
    try DurableFile.write(try state.text(), to: path + "/state.json")
  }

  /// Removes what is no longer needed: by its name at once, so that a crash leaves no half of it
  /// under a checkpoint's name. What cannot be removed stays.
  private func retire(_ name: String) {
    let aside = "\(directory)/.tmp-retired-\(LockRecord.newRun())"
    if rename("\(directory)/\(name)", aside) == 0 {
      try? FileManager.default.removeItem(atPath: aside)
    }
  }

  /// Moves a checkpoint that cannot be used out of the way of the one that takes its place.
  private func setAside(_ step: Int) throws {
    let name = RunDirectory.checkpointName(step)
    var target = "\(directory)/\(Self.damagedPrefix)\(name)"
    if access(target, F_OK) == 0 { target += "-" + LockRecord.newRun() }
    guard rename("\(directory)/\(name)", target) == 0 else {
      throw RunFailure(
        .workerFailed,
        "\(directory)/\(name) cannot be used, nor moved out of the way: \(systemMessage()); move or remove it, then resume"
      )
    }
  }

  private static let damagedPrefix = "damaged-"

  /// What a checkpoint gave back.
  struct Restored {
    var history: RunHistory
    /// A line for each newer checkpoint that had to be passed over.
    var notes: [String]
    /// The keys that are not what they were; known at rank 0.
    var changes: [ChangedKeys.Change]
  }

  /// Restores the newest checkpoint that verifies. Collective.
  ///
  /// - Throws: where one cannot be looked at, which says nothing of its content; where a key of
  ///   model, data or order has changed; where none is sound. Nothing has been touched then.
  func restore(_ trainer: Trainer, on world: borrowing Communicator) throws -> Restored {
    FlightRecorder.enter(.checkpoint)
    defer { FlightRecorder.enter(.startUp) }
    // Rank 0 alone reads; what it read is broadcast, so that the files need not be visible to the
    // others.
    var loaded: Loaded?
    var notes: [String] = []
    try world.succeedOnAllRanks {
      guard world.rank == 0 else { return }
      var damaged: [Int] = []
      for step in try steps().reversed() {
        do {
          loaded = try load(step, trainer)
          break
        } catch let error as FileError {
          if let code = error.systemError, code != ENOENT {
            throw RunFailure(
              .workerFailed,
              "checkpoint step \(step) cannot be looked at: \(error); nothing was changed, resume once it can"
            )
          }
          notes.append("checkpoint step \(step) is passed over: \(error)")
          damaged.append(step)
        }
      }
      guard loaded != nil else {
        throw RunFailure(
          .data,
          "no checkpoint in \(directory) can be read: \(notes.first ?? "there is none"); --force starts afresh"
        )
      }
      try lock?.verify()
      DurableDirectory.removeLeftovers(in: directory)
      for step in damaged { try setAside(step) }
    }
    let text = try world.broadcast(loaded?.text ?? [])
    guard let state = CheckpointState(text: text, older: { experiment }) else {
      fatalError("a checkpoint's state did not arrive as it was sent")
    }
    try trainer.parameters.broadcast(loaded?.weights, on: world)
    try trainer.model.runningStatistics?.values.broadcast(from: loaded?.running, on: world)
    let own = state.trainer.memory(for: trainer.settings)
    if let steps = own.optimizerSteps {
      for index in trainer.optimizer.rule.momentNames.indices {
        var moment = FlatVector(zeros: trainer.model.layout)
        try moment.broadcast(from: loaded?.moments[index], on: world)
        trainer.optimizer.setMoment(index, from: moment)
      }
      trainer.updater.restore(
        stepCount: steps, idleSteps: state.trainer.idleSteps(for: trainer.settings))
    } else {
      trainer.updater.start()
    }
    trainer.restore(own.memory, stepsDone: state.step, rank: world.rank)
    notes += own.notes
    notes += try trainer.restoreReducer(state, loaded?.reducer ?? [], on: world)
    notes += try trainer.restoreAverage(state, loaded?.average, on: world)
    return Restored(history: state.history, notes: notes, changes: loaded?.changes ?? [])
  }

  private struct Loaded {
    var text: [UInt8]
    var weights: [Float]
    /// The running statistics of a model that has some.
    var running: [Float]?
    var moments: [[Float]]
    var reducer: [[Float]]
    var average: SavedAverage?
    var changes: [ChangedKeys.Change]
  }

  private func load(_ step: Int, _ trainer: Trainer) throws -> Loaded {
    let path = directory + "/" + RunDirectory.checkpointName(step)
    let file = path + "/state.json"
    let text = try InputFile(file).all(limit: 256 << 20)
    let older = {
      (try? RunDirectory(run).recordedExperiment.map {
        try Experiment(text: $0, source: file, overrides: [])
      }) ?? experiment
    }
    guard let state = CheckpointState(text: text, older: older) else {
      throw FileError(file, "is damaged, or not the state of a checkpoint")
    }
    guard state.step == step else {
      throw FileError(file, "is the state of step \(state.step), in the directory of step \(step)")
    }
    if let what = state.impossibility(
      sampleCount: trainer.sampleCount, tensors: trainer.model.layout.segments.count,
      clip: trainer.settings.clip, tag: trainer.settings.clipTag,
      groups: try trainer.settings.treatments(of: trainer.model.layout)?.clipGroups)
    {
      throw FileError(file, "says \(what)", remedy: "no run can have written that")
    }
    let model = try SafeTensors(path: path + "/model.safetensors", sha256: state.modelSHA256)
    let optimizer = try SafeTensors(
      path: path + "/optimizer.safetensors", sha256: state.optimizerSHA256)
    let changes = try changedKeys(state, trainer)
    let layout = trainer.model.layout
    let weights = try layout.read(model) { $0 }
    let running = try trainer.model.runningStatistics?.layout.read(model) { $0 }
    let isSameOptimizer =
      state.trainer.optimizer.state(for: TrainerState.Tags(trainer.settings).optimizer) != nil
    let names = isSameOptimizer ? trainer.optimizer.rule.momentNames : []
    let moments = try names.map { moment in try layout.read(optimizer) { "\($0).\(moment)" } }
    // In this version's form, whatever the file's: other ranks do not see what an older one leaves
    // open.
    return Loaded(
      text: Array(try state.text().utf8), weights: weights, running: running,
      moments: moments, reducer: try trainer.readReducerState(state, in: path),
      average: try trainer.readAverage(state, in: path), changes: changes)
  }

  /// The keys that changed since the checkpoint. Throws where the model or the samples of the steps
  /// to come would not be the run's.
  private func changedKeys(_ state: CheckpointState, _ trainer: Trainer) throws -> [ChangedKeys
    .Change]
  {
    let remedy = "in the checkpoint of step \(state.step): resume with the same, or use --force"
    let sameData = try state.data.map { $0.isSame(as: try DataSignature(trainer.data.train)) }
    var changes: [ChangedKeys.Change] = []
    if let experiment, let old = state.experiment ?? RunDirectory(run).recordedExperiment {
      let keys = ChangedKeys(from: old, to: experiment)
      if let change = keys.refused(sameData: sameData ?? false) {
        throw RunFailure(.usage, "\(change.sentence) \(remedy)")
      }
      changes = keys.changes
    }
    func same<Value: Equatable>(_ key: String, _ was: Value, _ now: Value) throws {
      if was != now { throw RunFailure(.usage, "\(key) is \(now) and was \(was) \(remedy)") }
    }
    // Also where the old keys are not known.
    let settings = trainer.settings
    try same("seed", state.seed, settings.seed)
    try same("data.order", state.order, settings.order.rawValue)
    try same("training.global_batch", state.globalBatch, settings.training.globalBatch)
    try same("the number of training samples", state.sampleCount, trainer.sampleCount)
    if sameData == false {
      throw RunFailure(.usage, "the training data are not those that they were \(remedy)")
    }
    return changes
  }

  /// The run directory.
  var run: String {
    String(directory[..<(directory.lastIndex(of: "/") ?? directory.endIndex)])
  }

  private func steps() throws -> [Int] { try RunDirectory(run).checkpointSteps() }
}
