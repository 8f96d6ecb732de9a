import Configuration
import Data
import ExperimentKeys
import GradientNorms
import GradientReduction
import MPI
import Models
import Training
import Vectors

/// The norms of single samples' gradients of an experiment, at 1, 2, 3 and 4 ranks: those of batches
/// of one sample on one rank, and in a reproducible run the same bits at any rank count, and of the
/// weights the same as in a run that does not measure samples. A model that has none refuses.
/// Collective.
func measureSamples(_ text: String, on world: borrowing Communicator) throws {
  var reference: [UInt64] = []
  try onRanks([1, 2, 3, 4], of: world) { part in
    let plain = try trainer(text, ["training.reproducible=true"], on: part)
    if let obstacle = plain.model.obstacleToSamples {
      do {
        _ = try trainer(text, ["report.samples=true"], on: part)
        throw CheckFailure(description: "samples are measured though \(obstacle)")
      } catch let error as ExperimentError {
        try expect("\(error)".contains(obstacle), "refused by \(error)")
      }
      return
    }
    while !plain.isDone { _ = try plain.step(on: part) }
    for isReproducible in [false, true] {
      let measured = try MeasuredSamples(text, isReproducible: isReproducible, on: part)
      guard isReproducible else { continue }
      try expect(
        measured.weights == plain.weights.digest(),
        "measuring samples changes the weights of a reproducible run")
      guard part.rank == 0 else { continue }
      try expect(
        reference.isEmpty || reference == measured.bits, "other norms on \(part.size) ranks")
      reference = measured.bits
    }
  }
}

/// A run that measured samples.
private struct MeasuredSamples {
  /// What it found, which is the same on all ranks.
  private(set) var bits: [UInt64] = []
  /// A digest of its weights.
  private(set) var weights = ""

  init(_ text: String, isReproducible: Bool, on world: borrowing Communicator) throws {
    let experiment = try experiment(
      text,
      ["report.samples=true", "report.noise=samples", "training.reproducible=\(isReproducible)"])
    let data = try TrainingData(experiment.data, seed: experiment.seed, on: world)
    let trainer = try Trainer(experiment, data: data, on: world)
    let oracle = try experiment.model.recipe.model(
      for: data.train.shape, seed: UInt64(experiment.seed))
    var one = Batch(capacity: 1, shape: data.train.shape)
    var gradient = FlatVector(zeros: oracle.layout)
    while !trainer.isDone {
      let before = FlatVector(copying: trainer.weights)
      let outcome = try trainer.step(on: world)
      let (ledger, norms) = (outcome.ledger, outcome.sampleNorms!)
      try expect(norms.count == Int(ledger.samples), "\(norms.count) samples")
      for sample in norms.largest {
        try data.train.fill(&one, with: [UInt32(sample.index)], epoch: outcome.epochIndex)
        _ = oracle.lossAndGradient(
          one, weights: before, into: &gradient, scale: 1, accumulate: false
        ) { _, _ in }
        try expectClose(
          sample.norm, gradient.squaredNorm().squareRoot(), 1e-5,
          "step \(outcome.step): the norm of sample \(sample.index)")
      }
      let most = norms.largest[0].norm
      try expect(
        norms.quantile(1)! <= most && norms.quantile(0)! > 0 && norms.quantile(0.5)! <= most,
        "the quantiles")
      bits += norms.largest.flatMap { [UInt64($0.index), $0.norm.bitPattern] }
      bits += [ledger[.sampleSquares], ledger[.sampleNorms], outcome.noise.variance ?? 0].map(
        \.bitPattern)
    }
    weights = trainer.weights.digest()
  }
}
