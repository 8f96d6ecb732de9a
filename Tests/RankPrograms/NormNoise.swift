import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Training
import Vectors

/// The noise scale through real gradients of a finite population at weights that stay: trΣ and |G|²
/// have closed forms.
///
/// Drawn without repeats from n samples, E of the estimates is S² = Σ‖gⱼ − ḡ‖²/(n − 1) and ‖ḡ‖² −
/// S²/n, whatever the batches. Prints what was found.
let normNoiseProgram = RankProgram("norm-noise") { world, _ in
  let byTensor = ["report.noise_layers=true"]
  let settings: [(ranks: Int, batch: Int, overrides: [String])] = [
    (4, 7, byTensor),  // 2, 2, 2, 1
    (8, 13, []),
    // 5, 5, 2 and 5, 5, 1
    (2, 23, byTensor + ["report.noise=\"micro-batches\"", "training.micro_batch=5"]),
    (3, 23, byTensor + ["training.reproducible=true", "training.micro_batch=5"]),  // 5, 5, 5, 5, 3
    (1, 12, byTensor + ["report.noise=\"micro-batches\"", "training.micro_batch=7"]),  // 7, 5
    (1, 12, ["report.noise=\"samples\"", "training.micro_batch=5"]),
    (3, 7, ["report.noise=\"samples\""]),
  ]
  // A rate so small that no weight moves.
  let still = [
    "data.order=shuffled", "training.steps=100000", "optimizer.learning_rate=1e-30",
    "guard.compare_every=0",
  ]
  let cases = settings.flatMap { ranks, batch, overrides in
    Oracle.cases(
      overrides.joined(separator: " "), still + overrides, worlds: [(ranks, batch)], modes: [[]]
    ) { trainer, oracle, part in try check(overrides, trainer, oracle, on: part) }
  }
  try run(cases, on: world)
}

private func check(
  _ overrides: [String], _ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator
) throws {
  let (ranks, batch) = (oracle.ranks, oracle.batch)
  var noise = NoiseScale(memory: 1 - 1e-9)
  var tensorNoise = TensorNoise(tensorCount: oracle.names.count, memory: 1 - 1e-9)
  let recordsTensors = overrides.contains("report.noise_layers=true")
  let isByRank = !overrides.contains {
    $0.hasPrefix("report.noise=") || $0.contains("reproducible")
  }
  var spread = SignalSpread(tensors: oracle.names.count)
  var (ratios, seen) = (0.0, 0.0)
  let digest = trainer.weights.digest()
  for step in 1...4000 {
    let expected =
      step > 200 ? noise.expectedSquares(samples: trainer.sharesOf(batch, part)) : nil
    let outcome = try trainer.step(on: part)
    noise.record(outcome.ledger)
    tensorNoise.record(outcome.ledger)
    spread.record(outcome.ledger)
    try expect(
      (outcome.layerNoise != nil) == (recordsTensors && (step == 1 || step % 10 == 0)),
      "step \(step) records \(outcome.layerNoise == nil ? "no " : "")noise by tensor")
    if let layers = outcome.layerNoise { try expectSums(layers, outcome.noise) }
    if let expected, isByRank, outcome.share > 0 {
      ratios += outcome.local.norm * outcome.local.norm / expected
      seen += 1
    }
  }
  try expect(trainer.weights.digest() == digest, "the weights moved")
  // Corrected for its batch, a rank with fewer samples has on average what is expected.
  if isByRank {
    try expect(
      abs(ratios / seen - 1) < 0.06,
      "this rank has \(ratios / seen) of what is expected")
  }
  // A rank whose gradient is eight times too long is found, by its number.
  let rank = part.rank
  trainer.faults.changeGradient = { gradient, _ in
    if rank == ranks - 1 { gradient.scale(by: 8) }
  }
  let outlier = try trainer.step(on: part).ledger[.outlier]
  if ranks > 1 {
    try expect(outlier.rank == ranks - 1 && outlier.value > 8, "the outlier is \(outlier)")
  }
  guard part.rank == 0 else { return }
  let weights = oracle.weights(trainer)
  let all = 0..<Oracle.samples
  let whole = oracle.gradient(of: all, at: weights)
  let variance =
    all.reduce(0) { sum, sample in
      let apart = add(oracle.gradient(of: sample..<sample + 1, at: weights), whole, times: -1)
      return sum + product(apart, apart)
    } / Double(all.count - 1)
  let signal = product(whole, whole) - variance / Double(all.count)
  print(
    "\(overrides) on \(ranks) ranks, batch \(batch): trΣ \((noise.variance ?? .nan) / variance), |G|² \((noise.signal ?? .nan) / signal), B \(variance / signal)"
  )
  try expectClose(noise.variance, variance, 0.02, "trΣ")
  try expectClose(noise.signal, signal, 0.02, "|G|²")
  if recordsTensors { try checkTensors(tensorNoise, spread, oracle, whole, at: weights) }
}

/// Signals and variances of the tensors add up to the whole gradient's.
private func expectSums(_ layers: TensorNoise, _ whole: NoiseScale) throws {
  let variance = layers.scales.reduce(0) { $0 + ($1.variance ?? .nan) }
  let signal = layers.scales.reduce(0) { $0 + ($1.signal ?? .nan) }
  try expectClose(variance, whole.variance ?? .nan, 1e-12, "Σ trΣₖ")
  // The whole's is a difference, too.
  try expect(
    abs(signal - (whole.signal ?? .nan)) <= 1e-12 * (abs(signal) + variance), "Σ |Gₖ|² is \(signal)"
  )
}

/// The same closed forms for each tensor by itself.
private func checkTensors(
  _ noise: TensorNoise, _ spread: SignalSpread, _ oracle: Oracle, _ whole: Tensors,
  at weights: Tensors
) throws {
  let count = Double(Oracle.samples)
  var variances = [Double](repeating: 0, count: whole.count)
  for sample in 0..<Oracle.samples {
    let one = oracle.gradient(of: sample..<sample + 1, at: weights)
    for tensor in whole.indices {
      let apart = add([one[tensor]], [whole[tensor]], times: -1)
      variances[tensor] += product(apart, apart) / (count - 1)
    }
  }
  for (tensor, name) in oracle.names.enumerated() {
    let scale = noise.scales[tensor]
    let signal = product([whole[tensor]], [whole[tensor]]) - variances[tensor] / count
    let error = spread.standardError(of: tensor)
    print(
      "  \(name): trΣ \((scale.variance ?? .nan) / variances[tensor]), |G|² off by \(((scale.signal ?? .nan) - signal) / error) standard errors of \(error / signal)"
    )
    try expectClose(scale.variance, variances[tensor], 0.03, "trΣ of \(name)")
    // Of a tensor with little signal the estimate is as wide as noise makes it.
    try expect(
      abs((scale.signal ?? .nan) - signal) < 4 * error && error < 0.1 * variances[tensor],
      "|G|² of \(name) is \(scale.signal ?? .nan), not \(signal), with a standard error of \(error)"
    )
  }
}

/// How far apart single steps' estimates of each tensor's |G|² are.
private struct SignalSpread {
  private var sums: [(value: Double, square: Double)]
  private var steps = 0.0

  init(tensors: Int) { sums = [(value: Double, square: Double)](repeating: (0, 0), count: tensors) }

  mutating func record(_ ledger: NormLedger) {
    guard ledger[.contributors] >= 2 else { return }
    steps += 1
    for tensor in sums.indices {
      let total = ledger[.squares, tensor]
      let apart = ledger[.weightedLocalSquares, tensor] / ledger.samples - total
      let signal = total - apart / (ledger[.contributors] - 1)
      sums[tensor].value += signal
      sums[tensor].square += signal * signal
    }
  }

  func standardError(of tensor: Int) -> Double {
    let mean = sums[tensor].value / steps
    return ((sums[tensor].square / steps - mean * mean) / steps).squareRoot()
  }
}

extension Trainer {
  /// This rank's samples of a whole batch.
  fileprivate func sharesOf(_ batch: Int, _ world: borrowing Communicator) -> Int {
    batch / world.size + (world.rank < batch % world.size ? 1 : 0)
  }
}
