import BuiltInModels
import Configuration
import Data
import ExperimentKeys
import FoundationEssentials
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import TensorFiles
import Training
import Vectors

/// Trainers made from their parts, without an experiment file.
let componentPrograms: [RankProgram] = [componentsProgram, statefulProgram, averageProgram]

private func blobs() -> TrainingData {
  let train = Blobs(classes: 4, dimensions: 6, samples: 200, spread: 1, seed: 1)
  return TrainingData(train: train, test: train.further(60))
}

private func perceptron() -> Network { Network.mlp(inputWidth: 6, hidden: [10], outputWidth: 4) }

private func settings(steps: Int) -> TrainerSettings {
  var settings = TrainerSettings()
  settings.training.globalBatch = 24
  settings.training.microBatch = 5
  settings.training.length = .steps(steps)
  settings.learningRate = 0.05
  return settings
}

/// Parts that say what an experiment says reach the same bits as it; a step's outcome is seen by a
/// closure.
private let componentsProgram = RankProgram("components") { world, _ in
  let text = """
    [model]
    hidden = [10]
    [data]
    kind = "blobs"
    samples = 200
    classes = 4
    dimensions = 6
    [training]
    global_batch = 24
    micro_batch = 5
    steps = 12
    [optimizer]
    kind = "momentum"
    learning_rate = 0.05
    [clip]
    rule = "global"
    max_norm = 0.5
    """
  try onRanks([1, 2, 3], of: world) { part in
    for reproducible in [false, true] {
      let experiment = try experiment(text, ["training.reproducible=\(reproducible)"])
      let data = try TrainingData(experiment.data, seed: experiment.seed, on: part)
      let read = try Trainer(experiment, data: data, on: part)
      try read.train(on: part)
      var settings = settings(steps: 12)
      settings.training.reproducibility = reproducible ? .likeCPUs : .no
      let made = try Trainer(
        model: perceptron(), data: data, optimizer: .momentum(), clip: GlobalClip(maxNorm: 0.5),
        settings: settings, on: part)
      var losses: [Double] = []
      try made.train(on: part) { losses.append($0.ledger.meanLoss) }
      try expect(
        made.fingerprint == read.fingerprint,
        "on \(part.size) ranks the parts reach other bits than the experiment")
      try expect(
        losses.count == 12 && losses[11] < losses[0], "on \(part.size) ranks: \(losses)")
      try expect(
        try made.evaluate(on: part).loss == read.evaluate(on: part).loss, "another evaluation")
    }
  }
}

/// Sends gradients as bfloat16 and keeps what that rounds away for the next step (error feedback,
/// Seide et al. 2014).
private final class RoundingReducer: StatefulReducer {
  let partition: ParameterPartition
  private let layout: TensorLayout
  private var residual: FlatVector

  init(_ layout: TensorLayout, on world: borrowing Communicator) {
    self.layout = layout
    partition = .replicated(layout, rank: world.rank, of: world.size)
    residual = FlatVector(zeros: layout)
  }

  func makeParameters(on world: borrowing Communicator) -> Parameters {
    Parameters(layout, gathering: nil)
  }

  func makeGradient(on world: borrowing Communicator) -> FlatVector { FlatVector(zeros: layout) }

  func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator) throws(MPIError)
    -> [Double]?
  {
    for index in 0..<gradient.count {
      let wanted = gradient.base[index] + residual.base[index]
      let sent = Float(bitPattern: (wanted.bitPattern &+ 0x8000) & 0xFFFF_0000)
      residual.base[index] = wanted - sent
      gradient.base[index] = sent
    }
    var elements = gradient.mutableElements
    try world.allReduce(&elements, .sum)
    return gradient.squares(in: partition.shardParts)
  }

  let stateKind = "rounding"
  var state: [Float] { Array(UnsafeBufferPointer(start: residual.base, count: residual.count)) }

  func restore(_ states: [[Float]]) {
    residual.setToZero()
    for state in states {
      for (index, value) in state.enumerated() { residual.base[index] += value }
    }
  }
}

/// A reducer of one's own, with a state: what it forgets changes the result, and a resumed run
/// reaches the same bits. Argument: a directory.
private let statefulProgram = RankProgram("stateful-reducer") { world, arguments in
  func trainer(on part: borrowing Communicator) throws -> Trainer {
    let model = perceptron()
    return try Trainer(
      model: model, data: blobs(), optimizer: .momentum(), settings: settings(steps: 20),
      reducer: RoundingReducer(model.layout, on: part), on: part)
  }
  try onRanks([1, 2, 3], of: world) { part in
    let directory = "\(arguments[0])/on-\(part.size)"
    let whole = try trainer(on: part)
    var norms: [Double?] = []
    try whole.train(on: part) { outcome in
      norms.append(outcome.decision.norm)
      if outcome.step == 8 { try whole.writeCheckpoint(in: directory, on: part) }
    }
    try expect(Set(norms).count > 10 && !norms.contains(nil), "\(norms)")
    let resumed = try trainer(on: part)
    let notes = try resumed.restoreCheckpoint(in: directory, on: part)
    try expect(resumed.stepsDone == 8 && notes.isEmpty, "\(resumed.stepsDone) \(notes)")
    try resumed.train(on: part)
    try expect(
      resumed.fingerprint == whole.fingerprint, "on \(part.size) ranks: resumed to other bits")
    // Without its state it ends elsewhere, and says so.
    let forgetful = try Trainer(
      model: perceptron(), data: blobs(), optimizer: .momentum(), settings: settings(steps: 20),
      on: part)
    let note = try forgetful.restoreCheckpoint(in: directory, on: part)
    try expect(note == ["the state of the reducer rounding is not taken over"], "\(note)")
  }
  // At another number of ranks nothing of what was rounded away is lost.
  try onRanks([2], of: world) { part in
    let resumed = try trainer(on: part)
    try resumed.restoreCheckpoint(in: "\(arguments[0])/on-3", on: part)
    try resumed.train(on: part)
    try part.expectEqual(resumed.weights.digest(), "the weights, resumed on 2 ranks")
  }
}

/// SGD whose weights are averaged for evaluation: a ← ½a + ½w.
private struct AveragedSGD: OptimizerRule {
  static let kind = "averaged-sgd"
  static let usualRate = 0.05

  init() {}
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {}

  var momentNames: [String] { ["average"] }
  var needs: OptimizerNeeds { .evaluationWeights }

  func update(_ step: UpdateStep) -> UpdateNorms {
    var norms = UpdateNorms()
    let average = step.moment(0)
    for index in 0..<step.count {
      let old = step.weights[index]
      let new = old - Float(step.rate * step.factor) * step.gradient[index]
      step.weights[index] = new
      average[index] = step.number == 1 ? new : 0.5 * average[index] + 0.5 * new
      norms.squaredChange += Double(new - old) * Double(new - old)
      norms.squaredWeights += Double(old) * Double(old)
    }
    return norms
  }

  func evaluationWeights(_ part: EvaluationPart) {
    guard part.steps > 0 else { return }
    part.weights.update(from: part.moment(0), count: part.count)
  }
}

/// An optimiser that evaluates an average of the weights: evaluation and the final file have the
/// average, training and checkpoints do not. Argument: a directory.
private let averageProgram = RankProgram("averaged-weights") { world, arguments in
  for exchange in Experiment.TrainingChoice.Exchange.allCases {
    try onRanks([1, 2, 3], of: world) { part in
      let path = "\(arguments[0])/final-\(exchange)-\(part.size).safetensors"
      try checkAverage(exchange, path, on: part)
    }
  }
}

private func trainer(
  _ rule: any OptimizerRule, _ exchange: Experiment.TrainingChoice.Exchange,
  on world: borrowing Communicator
) throws -> Trainer {
  var settings = settings(steps: 9)
  settings.training.exchange = exchange
  return try Trainer(
    model: perceptron(), data: blobs(), optimizer: rule, settings: settings, on: world)
}

private func checkAverage(
  _ exchange: Experiment.TrainingChoice.Exchange, _ path: String, on world: borrowing Communicator
) throws {
  let plain = try trainer(.sgd(), exchange, on: world)
  let averaged = try trainer(AveragedSGD(), exchange, on: world)
  var average: [Float] = []
  while !averaged.isDone {
    _ = try averaged.step(on: world)
    let new = values(averaged)
    average = average.isEmpty ? new : zip(average, new).map { 0.5 * $0 + 0.5 * $1 }
  }
  try plain.train(on: world)
  let trained = averaged.weights.digest()
  let what = "\(exchange) on \(world.size) ranks"
  try expect(
    isClose(Double(values(averaged)[3]), Double(values(plain)[3]), 1e-4),
    "\(what): the average changes training")

  try averaged.writeFinalWeights(to: path, on: world)
  let loss = try averaged.evaluate(on: world).loss
  try expect(averaged.weights.digest() == trained, "\(what): evaluation leaves other weights")
  let file = try SafeTensors(path: path)
  let segment = averaged.model.layout.segments[0]
  try expect(
    try file.floats(named: segment.name) == Array(average[segment.range]),
    "\(what): the final file does not have the average")
  let other = try trainer(.sgd(), exchange, on: world)
  try other.start(from: path, on: world)
  try expect(try other.evaluate(on: world).loss == loss, "\(what): not evaluated by the average")
  try expect(try plain.evaluate(on: world).loss != loss, "\(what): the average is the weights")
}

private func values(_ trainer: Trainer) -> [Float] {
  Array(UnsafeBufferPointer(start: trainer.weights.base, count: trainer.weights.count))
}
