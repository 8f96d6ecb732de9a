import Configuration
import Data
import Glibc
import GradientNorms
import MPI
import Models
import Training
import Vectors

/// Batches that do not divide by the ranks, some with ranks that have no sample: every figure of
/// the ledger against one process' own sums in Double, the exchanges against one another, and all
/// ranks' weights. Prints the worst relative errors.
let oracleProgram = RankProgram("oracle") { world, _ in
  var worst = WorstErrors()
  let cases = [(3, 257), (4, 2), (5, 1), (2, 7), (1, 257), (5, 64)].map { ranks, batch in
    Case("\(ranks) ranks, batch \(batch)", ranks: ranks) { part in
      var norms: [[Double]] = []
      var weights: [[Float]] = []
      for (exchange, keys) in exchanges {
        let experiment = try experiment(
          Oracle.text,
          keys + [
            "training.global_batch=\(batch)", "training.micro_batch=10", "training.steps=4",
            "optimizer.kind=adamw", "optimizer.learning_rate=0.01", "clip.rule=global",
            "clip.max_norm=0.5",
          ])
        let data = try TrainingData(experiment.data, seed: experiment.seed, on: part)
        let trainer = try Trainer(experiment, data: data, on: part)
        var seen: [Double] = []
        for step in 0..<trainer.totalSteps {
          // Batch 257 of 600 samples: the third step has the 86 that are left.
          let perEpoch = (Oracle.samples + batch - 1) / batch
          let start = step % perEpoch * batch
          let truth = Truth(
            trainer, data, start..<min(start + batch, Oracle.samples), ranks: part.size)
          let outcome = try trainer.step(on: part)
          try truth.check(outcome.ledger, &worst)
          let coefficient = min(1, 0.5 / (truth.norm + 1e-6))
          try expectClose(
            outcome.decision.coefficient, coefficient, 1e-6, "\(exchange): the coefficient")
          seen.append(outcome.ledger.norm)
        }
        norms.append(seen)
        weights.append(trainer.model.layout.segments.flatMap { trainer.weights[$0.name]! })
        try part.expectEqual(trainer.weights.digest(), "the weights of \(exchange)")
      }
      for other in 1..<exchanges.count {
        for (a, b) in zip(norms[0], norms[other]) {
          try expect(
            isClose(a, b, 1e-5), "the norm is \(a) replicated, \(b) \(exchanges[other].name)")
        }
        for (a, b) in zip(weights[0], weights[other]) {
          try expect(
            abs(a - b) <= 2e-5 * max(abs(a), 0.05),
            "a weight is \(a) replicated, \(b) \(exchanges[other].name)")
        }
      }
    }
  }
  try run(cases, on: world)
  if world.rank == 0 { print("worst relative errors: \(worst)") }
}

struct WorstErrors {
  var norm = 0.0, loss = 0.0, tensor = 0.0, local = 0.0
}

/// A step's figures, by the formulas, from the weights before it.
struct Truth {
  let loss: Double
  let norm: Double
  /// ‖gₖ‖² and Σ wᵢ‖gᵢₖ‖² by tensor.
  let squares: [Double]
  let localSquares: [Double]
  let localNorms: [Double]
  let counts: [Int]

  init(_ trainer: Trainer, _ data: TrainingData, _ samples: Range<Int>, ranks: Int) {
    let segments = trainer.model.layout.segments
    let weights = segments.map { trainer.weights[$0.name]!.map(Double.init) }
    let widths =
      [data.train.shape.inputs]
      + stride(from: 1, to: segments.count, by: 2).map { segments[$0].shape[0] }
    var batch = Batch(capacity: samples.count, shape: data.train.shape)
    try! data.train.fill(&batch, with: samples.map(UInt32.init)[...])

    // The first ranks have one sample more.
    let total = samples.count
    counts = (0..<ranks).map { total / ranks + ($0 < total % ranks ? 1 : 0) }
    var sum = 0.0
    var first = 0
    var local: [[[Double]]] = []
    for count in counts {
      var gradient = weights.map { [Double](repeating: 0, count: $0.count) }
      for row in first..<first + count {
        let x = (0..<batch.shape.inputs).map { Double(batch.inputs[row * batch.shape.inputs + $0]) }
        sum += backpropagate(weights, widths, x, label: Int(batch.labels[row]), into: &gradient)
      }
      first += count
      local.append(gradient.map { $0.map { $0 / Double(max(count, 1)) } })
    }
    loss = sum / Double(total)
    let share = counts.map { Double($0) / Double(total) }
    func square(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }
    squares = weights.indices.map { tensor in
      square(
        weights[tensor].indices.map { index in
          local.indices.reduce(0) { $0 + share[$1] * local[$1][tensor][index] }
        })
    }
    localSquares = weights.indices.map { tensor in
      local.indices.reduce(0) { $0 + share[$1] * square(local[$1][tensor]) }
    }
    localNorms = local.map { $0.reduce(0) { $0 + square($1) }.squareRoot() }
    norm = squares.reduce(0, +).squareRoot()
  }

  func check(_ ledger: NormLedger, _ worst: inout WorstErrors) throws {
    func compare(
      _ what: String, _ value: Double, _ truth: Double, _ tolerance: Double, _ error: inout Double
    ) throws {
      error = max(error, abs(value - truth) / max(abs(truth), .leastNormalMagnitude))
      try expect(
        isClose(value, truth, tolerance),
        "\(what) is \(value), not \(truth), with \(counts) samples")
    }
    try compare("the global norm", ledger.norm, norm, 1e-6, &worst.norm)
    try compare("the loss", ledger.meanLoss, loss, 1e-6, &worst.loss)
    try compare(
      "local_rms", ledger.localRMS, localSquares.reduce(0, +).squareRoot(), 1e-6, &worst.local)
    for tensor in squares.indices {
      try compare(
        "the norm of tensor \(tensor)", ledger.norm(ofTensor: tensor), squares[tensor].squareRoot(),
        5e-6, &worst.tensor)
      let local = (ledger[.weightedLocalSquares, tensor] / ledger.samples).squareRoot()
      try compare(
        "the local norm of tensor \(tensor)", local, localSquares[tensor].squareRoot(), 5e-6,
        &worst.tensor)
    }
    let largest = localNorms.max()!
    try compare("the largest local norm", ledger[.localNorm].value, largest, 1e-6, &worst.local)
    try expect(
      ledger[.localNorm].rank == localNorms.firstIndex(of: largest),
      "rank \(ledger[.localNorm].rank) is named, the norms are \(localNorms)"
    )
    try expect(
      ledger.samples == Double(counts.reduce(0, +))
        && ledger[.contributors] == Double(counts.count { $0 > 0 }), "samples")
    try expect(
      ledger.norm <= ledger.localRMS * (1 + 1e-12),
      "‖g‖ = \(ledger.norm) is above √L = \(ledger.localRMS)")
    try expect(
      ledger.localRMS <= ledger[.localNorm].value * (1 + 1e-12),
      "√L = \(ledger.localRMS) is above the largest local norm")
  }
}

/// One sample's loss and, added to `gradient`, its gradient: tanh layers and a softmax, one value
/// at a time.
func backpropagate(
  _ weights: [[Double]], _ widths: [Int], _ x: [Double], label: Int, into gradient: inout [[Double]]
) -> Double {
  var values = [x]
  let layers = widths.count - 1
  for layer in 0..<layers {
    let (inputs, outputs) = (widths[layer], widths[layer + 1])
    values.append(
      (0..<outputs).map { output in
        let z = (0..<inputs).reduce(weights[2 * layer + 1][output]) {
          $0 + weights[2 * layer][output * inputs + $1] * values[layer][$1]
        }
        return layer < layers - 1 ? tanh(z) : z
      })
  }
  let largest = values[layers].max()!
  let powers = values[layers].map { exp($0 - largest) }
  let total = powers.reduce(0, +)
  var delta = powers.enumerated().map { $1 / total - ($0 == label ? 1 : 0) }
  for layer in (0..<layers).reversed() {
    let inputs = widths[layer]
    var before = [Double](repeating: 0, count: inputs)
    for (output, d) in delta.enumerated() {
      gradient[2 * layer + 1][output] += d
      for input in 0..<inputs {
        gradient[2 * layer][output * inputs + input] += d * values[layer][input]
        before[input] += d * weights[2 * layer][output * inputs + input]
      }
    }
    delta = zip(before, values[layer]).map { $0 * (1 - $1 * $1) }
  }
  return largest + log(total) - values[layers][label]
}
