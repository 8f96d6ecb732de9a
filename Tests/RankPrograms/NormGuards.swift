import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Models
import Optimizers
import Recording
import Reports
import Training
import Vectors

/// The memory of decisions without the place in the data and the count of skips: a skipped step must
/// not change it.
private func lastingMemory(_ trainer: Trainer) throws -> String {
  var text = try trainer.decisionMemory()
  for key in ["\"cursor\":{", "\"skipsInARow\":"] {
    guard let start = text.firstRange(of: key) else {
      throw CheckFailure(description: "\(key) is not in \(text)")
    }
    let end = text[start.upperBound...].firstIndex {
      $0 == "}" || $0 == "," && !key.hasSuffix("{")
    }!
    text.removeSubrange(start.lowerBound..<end)
  }
  return text
}

/// Every detector, with a step in which one tensor of one rank is not finite, one whose reduction
/// is corrupted, and one that is a spike: all ranks skip, no bit of weights, moments or memory
/// changes, and the following steps train.
let normGuardsProgram = RankProgram("norm-guards") { world, _ in
  let detectors = [
    ["clip.rule=percentile", "clip.window=9"], ["clip.rule=zscore", "clip.warmup_steps=5"],
    ["clip.rule=ema", "schedule.kind=plateau-on-norm"],
    ["optimizer.kind=dog", "clip.rule=value", "clip.max_value=0.05"],
    ["optimizer.kind=lamb", "schedule.kind=adascale"],
    ["optimizer.kind=lars", "schedule.kind=warmup-on-norm", "regularization.l2=0.01"],
    [
      "optimizer.kind=adamw", "regularization.sam_radius=0.05", "regularization.gradient_norm=0.01",
    ],
  ]
  var cases: [Case] = []
  for (ranks, batch) in [(3, 64), (8, 257), (5, 7)] {
    let modes = ranks == 5 ? [Oracle.modes[0], Oracle.modes[2]] : [Oracle.modes[1]]
    for detector in detectors {
      cases += Oracle.cases(
        detector.joined(separator: " "),
        ["guard.spike=6", "optimizer.learning_rate=0.01"] + detector
          + (batch == 7 ? ["training.micro_batch=1"] : []),
        worlds: [(ranks, batch)], modes: modes
      ) { trainer, _, part in try checkSkips(trainer, ranks: ranks, on: part) }
    }
  }
  cases += Oracle.cases(
    "a loss without a gradient, and a penalty",
    ["regularization.l2=0.1", "clip.rule=global", "clip.max_norm=9"], worlds: [(3, 64)]
  ) { trainer, _, part in try checkPenaltyAlone(trainer, on: part) }
  try run(cases, on: world)
}

private func checkSkips(_ trainer: Trainer, ranks: Int, on part: borrowing Communicator) throws {
  let rank = part.rank
  trainer.faults.changeGradient = { gradient, step in
    // A NaN in a tensor's middle, on one rank; later all gradients far too long, and later
    // still one rank's.
    if step == 35 && rank == ranks - 2 { gradient.put(.nan, in: "layers.1.bias") }
    if step == 38 { gradient.scale(by: 50) }
  }
  trainer.faults.changeLedger = { ledger, step in
    guard step == 36 && rank == 1 else { return }
    ledger.add(1e6, to: .squares, of: 0)
    ledger.add(1e6, to: .lossSquares)
  }
  var norms: [Double] = []
  for step in 1...42 {
    let (weights, memory) = (trainer.fingerprint, try lastingMemory(trainer))
    let outcome = try trainer.step(on: part)
    switch (step, outcome.decision.action) {
    case (35, .skip(.nonFinite(let found))):
      try expect(
        found.rank == ranks - 2 && found.ranks == 1 && found.tensor == 3,
        "step \(step): \(found)")
      try expect(
        outcome.share == outcome.shares[rank].count,
        "this rank drew \(outcome.shares[rank])")
    case (36, .skip(.corruptedReduction(let norm, let bound))):
      try expect(norm > 100 * bound, "the norm \(norm) is not far above the bound \(bound)")
    case (38, .skip(.spike(let norm, let median))):
      try expect(norm == outcome.ledger.norm, "a spike of \(norm)")
      let sorted = norms.sorted()
      let half = sorted.count / 2
      let truth =
        sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
      try expectClose(median, truth, 1e-15, "the median of \(norms.count)")
    case (35, _), (36, _), (38, _):
      try expect(false, "step \(step) is \(outcome.decision.action)")
    case (_, .skip(let reason)):
      try expect(false, "step \(step) is skipped: \(reason)")
    default:
      norms.append(outcome.ledger.norm)
      try expect(trainer.fingerprint != weights, "step \(step) changed nothing")
      try expect(
        outcome.learningRate.isFinite && outcome.decision.applied?.isFinite == true,
        "step \(step) is not finite")
      try expect(
        outcome.noise.signal?.isFinite ?? false, "the noise scale at step \(step)")
    }
    if outcome.decision.isSkip {
      try expect(
        trainer.fingerprint == weights,
        "step \(step) changed the weights or moments of this rank")
      try expect(
        try lastingMemory(trainer) == memory,
        "step \(step) changed the memory of decisions")
      try expect(trainer.stepsDone == step, "the skipped step is not counted")
    }
    if step % 7 == 0 {
      try part.expectEqualReplicas(trainer)
    }
  }
}

/// A loss that has no gradient, next to a penalty: the step follows the penalty, and is not taken
/// for a corrupted reduction.
private func checkPenaltyAlone(_ trainer: Trainer, on part: borrowing Communicator) throws {
  trainer.faults.changeGradient = { gradient, _ in gradient.setToZero() }
  let before = trainer.weights["layers.0.weight"]!
  let decision = try trainer.step(on: part).decision
  try expect(decision.action == .step, "\(decision.action)")
  try expect(!decision.isCertified, "√L = 0 says nothing of the penalty")
  for (old, new) in zip(before, trainer.weights["layers.0.weight"]!) {
    try expect(new == old - 0.5 * (0.1 * old), "\(old) became \(new)")
  }
}

/// One bit of one weight of rank 3 changes after step 4, in a slice that is not its own: the
/// comparison at step 6 ends the job.
let replicaProgram = RankProgram("norm-replica") { world, _ in
  let experiment = try Oracle.experiment(64, Oracle.modes[1], ["guard.compare_every=3"])
  let trainer = try Trainer(
    experiment, data: try TrainingData(experiment.data, seed: 1, on: world), on: world)
  let rank = world.rank
  trainer.faults.changeWeights = { weights, step in
    guard step == 4 && rank == 3 else { return }
    var elements = weights.mutableElements
    elements[0] = Float(bitPattern: elements[0].bitPattern ^ 1)
  }
  for step in 1...6 {
    _ = try trainer.step(on: world)
    try expect(step < 6, "the difference was not found")
  }
}

/// A whole run whose rank 1 has a NaN in every step from the fifth on, until it gives up. Argument:
/// directory.
let skipLimitProgram = RankProgram("norm-skip-limit") { world, arguments in
  let run = try Run(
    RunOptions(experiment: arguments[0] + "/test.toml", output: arguments[0] + "/run"), on: world)
  let rank = world.rank
  run.trainer.faults.changeGradient = { gradient, step in
    if step >= 5 && rank == 1 { gradient.put(.nan, in: "layers.0.weight") }
  }
  exitStatus = try run.train(on: world).rawValue
}

extension FlatVector {
  /// Puts a value into the middle of a tensor.
  mutating func put(_ value: Float, in tensor: String) {
    let range = layout.segments[layout.index(named: tensor)!].range
    let middle = (range.lowerBound + range.upperBound) / 2
    var elements = mutableElements
    elements[middle] = value
  }
}
