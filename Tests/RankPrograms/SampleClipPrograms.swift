import Configuration
import Data
import ExperimentKeys
import GradientNorms
import GradientReduction
import MPI
import Models
import Training
import Vectors

/// An experiment whose samples are clipped one by one, at 1, 2, 3 and 4 ranks: the applied gradient
/// has the norms, tensor by tensor, of the mean of clipped gradients of batches of one; a
/// reproducible run has the same bits at any rank count. A model that has no gradients of samples
/// refuses. Collective.
func clipSamples(_ text: String, on world: borrowing Communicator) throws {
  var reference: String?
  try onRanks([1, 2, 3, 4], of: world) { part in
    let sequential = ["data.order=sequential", "training.steps=3"]
    let clip = sequential + ["clip.scope=sample", "report.every=2"]
    let plain = try trainer(text, sequential, on: part)
    if let obstacle = plain.model.obstacleToSamples {
      do {
        _ = try trainer(text, clip, on: part)
        throw CheckFailure(description: "samples are clipped though \(obstacle)")
      } catch let error as ExperimentError {
        try expect(
          "\(error)".contains("clip.scope: \(obstacle)"), "refused by \(error)")
      }
      return
    }
    // Half of the first step's samples are above the limit.
    let measured = try trainer(text, sequential + ["report.samples=true"], on: part)
    let limit = try measured.step(on: part).sampleNorms!.quantile(0.5)!
    for isReproducible in [false, true] {
      let keys =
        clip + ["clip.max_norm=\(limit)", "training.reproducible=\(isReproducible)"]
      let digest = try trainClipped(text, keys, limit: limit, on: part)
      guard isReproducible, part.rank == 0 else { continue }
      try expect(digest == reference ?? digest, "clipped samples: other bits on \(part.size) ranks")
      reference = digest
    }
  }
}

/// Trains, and compares each step with gradients of batches of one; a digest of the weights.
private func trainClipped(
  _ text: String, _ keys: [String], limit: Double, on world: borrowing Communicator
) throws -> String {
  let experiment = try experiment(text, keys)
  let data = try TrainingData(experiment.data, seed: experiment.seed, on: world)
  let trainer = try Trainer(experiment, data: data, on: world)
  let oracle = try experiment.model.recipe.model(
    for: data.train.shape, seed: UInt64(experiment.seed))
  var one = Batch(capacity: 1, shape: data.train.shape)
  var gradient = FlatVector(zeros: oracle.layout)
  let segments = oracle.layout.segments
  while !trainer.isDone {
    let before = FlatVector(copying: trainer.weights)
    let outcome = try trainer.step(on: world)
    let samples = outcome.shares.flatMap { Array($0) }
    var exact = [Double](repeating: 0, count: oracle.layout.elementCount)
    var mean = exact
    var clipped = 0
    for sample in samples {
      try data.train.fill(&one, with: [UInt32(sample)], epoch: outcome.epochIndex)
      _ = oracle.lossAndGradient(
        one, weights: before, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      let norm = segments.reduce(0) { $0 + gradient.squaredNorm(in: $1.range) }.squareRoot()
      let factor = torchCoefficient(norm, limit)
      if factor < 1 { clipped += 1 }
      for place in segments.lazy.map(\.range).joined() {
        exact[place] += Double(gradient.base[place]) / Double(samples.count)
        mean[place] += factor * Double(gradient.base[place]) / Double(samples.count)
      }
    }
    let (ledger, decision) = (outcome.ledger, outcome.decision)
    func length(_ vector: [Double], _ range: Range<Int>) -> Double {
      range.reduce(0) { $0 + vector[$1] * vector[$1] }.squareRoot()
    }
    let whole = 0..<oracle.layout.elementCount
    for (tensor, segment) in segments.enumerated() {
      let truth = length(mean, segment.range)
      try expect(
        abs(ledger.norm(ofTensor: tensor) - truth) <= 1e-5 * truth + 1e-6 * length(mean, whole),
        "step \(outcome.step): the norm of \(segment.name) is \(ledger.norm(ofTensor: tensor)), not \(truth)"
      )
    }
    try expectClose(decision.applied, length(mean, whole), 1e-5, "the applied norm")
    try expect(
      Int(ledger[.clippedSamples]) == clipped && (decision.action == .clip) == (clipped > 0),
      "step \(outcome.step): \(ledger[.clippedSamples]) samples are clipped, not \(clipped)")
    if outcome.step == 1 || outcome.step % 2 == 0 {
      try expectClose(decision.norm, length(exact, whole), 1e-5, "the norm without the clip")
      let dot = whole.reduce(0) { $0 + exact[$1] * mean[$1] }
      try expectClose(
        outcome.bias?.cosine, dot / length(exact, whole) / length(mean, whole), 1e-5,
        "the cosine")
    } else {
      try expect(decision.norm == nil && outcome.bias == nil, "what was not measured")
    }
  }
  try world.expectEqual(trainer.weights.digest(), "the weights")
  return trainer.weights.digest()
}
