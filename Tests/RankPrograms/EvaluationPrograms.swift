import Configuration
import Data
import FoundationEssentials
import GradientReduction
import MPI
import Models
import Recording
import Reports
import TensorFiles
import Training
import Vectors

/// Rows held out of the training set. Argument: a directory with `evaluation.toml`.
///
/// Leaves the run directories `on-N`, of reproducible runs on N ranks, whose records tests compare.
let evaluationProgram = RankProgram("evaluation") { world, arguments in
  let folder = arguments[0]
  let file = folder + "/evaluation.toml"
  let cases = [
    Case("the same sums at any division", ranks: 4) { part in
      for model in ["logistic", "mlp"] {
        for microBatch in [1, 7, 32] { try sumsAreExact(model, microBatch, on: part) }
      }
    },
    Case("no row held out is trained on", ranks: 4) { try rowsAreApart(on: $0) },
    Case("an evaluation changes no step", ranks: 4) { part in
      for exchange in exchanges + [("reproducible", ["training.reproducible=true"])] {
        try stepsAreTheSame(exchange.name, exchange.keys, on: part)
      }
    },
    Case("runs on 1 to 4 ranks", ranks: 4) { part in
      try onRanks([1, 2, 3, 4], of: part) { part in
        let run = try Run(
          quietOptions(
            file, ["training.reproducible=true"], output: "\(folder)/on-\(part.size)"), on: part)
        try expect(try run.train(on: part) == .done, "the run did not end")
      }
    },
    Case("the mean of the weights", ranks: 4) { part in
      for exchange in exchanges + [("reproducible", ["training.reproducible=true"])] {
        try averageIsTheMean(exchange.name, exchange.keys, folder, on: part)
      }
    },
    Case("the best weights of a step that is forgotten", ranks: 3) { part in
      try bestIsTakenBack(folder, on: part)
    },
  ]
  try run(cases, on: world)
}

private let heldOutBlobs = """
  [data]
  kind = "blobs"
  samples = 203
  classes = 3
  dimensions = 6
  [training]
  global_batch = 24
  epochs = 3
  [evaluation]
  split = 0.2

  """

/// The loss of the rows held out has the same bits on any number of ranks, and is that of one
/// process that adds up sample by sample.
private func sumsAreExact(
  _ model: String, _ microBatch: Int, on world: borrowing Communicator
) throws {
  let keys = ["model.kind=\(model)", "training.micro_batch=\(microBatch)"]
  var found: [UInt64] = []
  try onRanks([1, 2, 3, 4], of: world) { part in
    let trainer = try trainer(heldOutBlobs, keys, on: part)
    let scores = try trainer.evaluateHeldOut(on: part)
    guard let scores else { return try expect(false, "nothing is held out") }
    found.append(scores.loss.bitPattern)
    let experiment = try experiment(heldOutBlobs, keys)
    let data = try TrainingData(experiment.data, seed: experiment.seed, on: part)
    let rows = TrainTestSplit.evaluation(of: 203, fraction: 0.2, seed: 1).test
    var batch = Batch(capacity: 1, shape: data.train.shape)
    var (sum, right) = (0.0, 0)
    for row in rows {
      try data.train.fill(&batch, with: [row])
      let one = trainer.model.evaluate(batch, weights: trainer.weights)
      sum += one.lossSum
      right += one.score
    }
    try expect(
      isClose(scores.loss, sum / Double(rows.count), 1e-6),
      "\(model), \(microBatch): \(scores.loss), one by one \(sum / Double(rows.count))")
    try expect(
      scores.score?.value == Double(right) / Double(rows.count),
      "\(model): \(String(describing: scores.score)), one by one \(right) of \(rows.count)")
  }
  try expect(Set(found).count <= 1, "\(model), \(microBatch): the loss has other bits: \(found)")
}

/// Every epoch visits each row that is not held out once, at any number of ranks.
private func rowsAreApart(on world: borrowing Communicator) throws {
  let heldOut = TrainTestSplit.evaluation(of: 203, fraction: 0.2, seed: 1)
  try expect(heldOut.test.count == 41, "\(heldOut.test.count) rows are held out")
  try onRanks([1, 2, 3, 4], of: world) { part in
    let data = Counted(try TrainingData(experiment(heldOutBlobs).data, seed: 1, on: part).train)
    let trainer = try Trainer(
      experiment(heldOutBlobs, ["model.kind=logistic"]),
      data: TrainingData(train: data, test: data), on: part)
    try expect(trainer.sampleCount == 162, "an epoch has \(trainer.sampleCount) samples")
    try expect(trainer.totalSteps == 21, "the run has \(trainer.totalSteps) steps")
    try trainer.train(on: part)
    var counts = try data.totals(on: part)
    try expect(
      heldOut.test.allSatisfy { counts[Int($0)] == 0 }, "a row held out is trained on")
    try expect(
      heldOut.train.allSatisfy { counts[Int($0)] == 3 }, "a row is not in each of three epochs")
    try expect(try trainer.evaluateHeldOut(on: part) != nil, "nothing is held out")
    counts = try data.totals(on: part)
    try expect(
      heldOut.test.allSatisfy { counts[Int($0)] == 1 }, "a row held out is not evaluated once")
  }
}

/// A data set that counts how often each sample is read.
private struct Counted: Dataset {
  final class Counts: @unchecked Sendable { var values: [Int64] = [] }

  let data: any Dataset
  let counts = Counts()

  init(_ data: any Dataset) {
    self.data = data
    counts.values = [Int64](repeating: 0, count: data.count)
  }

  /// How often the ranks have read each sample.
  func totals(on world: borrowing Communicator) throws -> [Int64] {
    var totals = counts.values
    var span = totals.mutableSpan
    try world.allReduce(&span, .sum)
    return totals
  }

  var count: Int { data.count }
  var shape: SampleShape { data.shape }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for sample in samples { counts.values[Int(sample)] += 1 }
    try! data.read(samples, into: &batch)
  }
}

/// Weights after each step are those of a run that evaluates nothing.
private func stepsAreTheSame(
  _ name: String, _ keys: [String], on world: borrowing Communicator
) throws {
  let (plain, evaluated) = (
    try trainer(heldOutBlobs, keys, on: world), try trainer(heldOutBlobs, keys, on: world)
  )
  while !plain.isDone {
    _ = try plain.step(on: world)
    _ = try evaluated.step(on: world)
    _ = try evaluated.evaluateHeldOut(on: world)
    _ = try evaluated.evaluate(on: world)
    try expect(
      plain.weights.digest() == evaluated.weights.digest(),
      "\(name): other weights after step \(plain.stepsDone)")
  }
  try expect(plain.fingerprint == evaluated.fingerprint, "\(name): another optimiser state")
}

/// A run that resumes from before its best step has the best weights of that time again, whether
/// the file system has a second name for them or not.
private func bestIsTakenBack(_ folder: String, on world: borrowing Communicator) throws {
  let keys = ["evaluation.best=true", "evaluation.every=2", "checkpoint.keep=99"]
  let file = folder + "/evaluation.toml"
  let whole = try Run(quietOptions(file, keys, output: folder + "/best"), on: world)
  try expect(try whole.train(on: world) == .done, "the run did not end")
  func digest(_ path: String) throws -> String {
    try world.succeedOnAllRanks { try SHA256.digest(ofFile: path) }
  }
  let last = try digest(folder + "/best/best.safetensors")
  let steps = stride(from: 8, through: 32, by: 4).map { $0 }
  let kept = try digest(folder + "/best/checkpoints/step-00000004/best.safetensors")
  try expect(kept != last, "the best step is not after step 4")
  let resumed = try resume(
    folder + "/best", as: folder + "/best-resumed", without: steps, file, keys, on: world)
  try expect(resumed.trainer.stepsDone == 4, "resumed after step \(resumed.trainer.stepsDone)")
  try expect(
    try digest(folder + "/best-resumed/best.safetensors") == kept, "the file is of another step")
  try expect(try resumed.train(on: world) == .done, "the resumed run did not end")
  try expect(
    try digest(folder + "/best-resumed/best.safetensors") == last, "the run ends with another best")
}

/// The mean that a run writes is that of its weights, taken in Double by one process; it is
/// evaluated next to them, changes no step, and goes on from a checkpoint to the same bits.
private func averageIsTheMean(
  _ name: String, _ keys: [String], _ folder: String, on world: borrowing Communicator
) throws {
  let keys = keys + ["training.epochs=2"]
  let decay = 0.8
  let file = "\(folder)/evaluation.toml"
  let text = try String(contentsOfFile: file, encoding: .utf8)
  try onRanks([1, 3, 4], of: world) { part in
    let plain = try trainer(text, keys, on: part)
    let averaged = try trainer(text, keys + ["evaluation.average=\(decay)"], on: part)
    try expect(try plain.evaluateAverage(on: part) == nil, "\(name): a mean that is not asked for")
    var mean: [Double] = []
    while !plain.isDone {
      _ = try plain.step(on: part)
      _ = try averaged.step(on: part)
      let weights = plain.weights.values
      mean =
        mean.isEmpty ? weights : zip(mean, weights).map { decay * $0 + (1 - decay) * $1 }
    }
    try expect(
      plain.fingerprint == averaged.fingerprint, "\(name): the mean changes the weights")
    let scores = try averaged.evaluateAverageHeldOut(on: part)
    try expect(
      averaged.fingerprint == plain.fingerprint, "\(name): the evaluation changes the weights")
    let whole = FlatVector(zeros: plain.model.layout)
    for index in mean.indices { whole.base[index] = Float(mean[index]) }
    // The same rows under the mean of one process; ranks may have one copy of the weights.
    try part.barrier()
    plain.weights.copy(from: whole)
    try part.barrier()
    let expected = try plain.evaluateHeldOut(on: part)
    try expect(
      isClose(scores?.loss ?? .nan, expected?.loss ?? 0, 1e-5),
      "\(name) on \(part.size): the loss \(String(describing: scores)), not \(String(describing: expected))"
    )
  }
  try onRanks([3], of: world) { part in
    let keys = keys + ["evaluation.average=\(decay)", "checkpoint.keep=99"]
    let directory = "\(folder)/average-\(name)"
    let whole = try Run(quietOptions(file, keys, output: directory), on: part)
    try expect(try whole.train(on: part) == .done, "the run did not end")
    let resumed = try resume(
      directory, as: directory + "-resumed", without: [8, 12, 16], file, keys, on: part)
    try expect(resumed.trainer.stepsDone == 4, "resumed after \(resumed.trainer.stepsDone)")
    try expect(try resumed.train(on: part) == .done, "the resumed run did not end")
    let digests = try part.succeedOnAllRanks {
      try ["", "-resumed"].map {
        try SHA256.digest(ofFile: "\(directory)\($0)/average.safetensors")
      }
    }
    try expect(digests[0] == digests[1], "\(name): another mean when resumed")
  }
}

extension FlatVector {
  /// All elements, gaps included.
  fileprivate var values: [Double] {
    UnsafeBufferPointer(start: base, count: count).map(Double.init)
  }
}
