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
  let settings: [(ranks: Int, batch: Int, overrides: [String])] = [
    (5, 7, []),  // 2, 2, 1, 1, 1
    (8, 13, []),
    (2, 23, ["report.noise=\"micro-batches\"", "training.micro_batch=5"]),  // 5, 5, 2 and 5, 5, 1
    (3, 23, ["training.reproducible=true", "training.micro_batch=5"]),  // 5, 5, 5, 5, 3
    (1, 12, ["report.noise=\"micro-batches\"", "training.micro_batch=7"]),  // 7, 5
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
  var (ratios, seen) = (0.0, 0.0)
  let digest = trainer.weights.digest()
  for step in 1...4000 {
    let expected =
      step > 200 ? noise.expectedSquares(samples: trainer.sharesOf(batch, part)) : nil
    let outcome = try trainer.step(on: part)
    noise.record(outcome.ledger)
    if let expected, overrides.isEmpty, outcome.share > 0 {
      ratios += outcome.local.norm * outcome.local.norm / expected
      seen += 1
    }
  }
  try expect(trainer.weights.digest() == digest, "the weights moved")
  // Corrected for its batch, a rank with fewer samples has on average what is expected.
  if overrides.isEmpty {
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
}

extension Trainer {
  /// This rank's samples of a whole batch.
  fileprivate func sharesOf(_ batch: Int, _ world: borrowing Communicator) -> Int {
    batch / world.size + (world.rank < batch % world.size ? 1 : 0)
  }
}
