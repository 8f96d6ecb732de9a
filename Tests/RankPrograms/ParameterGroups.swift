import Configuration
import Data
import ExperimentKeys
import FoundationEssentials
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import Training
import Vectors

/// Groups of tensors on a network whose tensors are cut between ranks: the first layer is frozen,
/// the second layer's matrix and all other biases are clipped by a norm of their own. DoG's rate
/// knows nothing of the decay, which has to be small there.
private func keys(decay: Double = 1) -> [String] {
  [
    """
    optimizer.groups=[{ match = ["layers.0.*"], rate = 0 }, \
    { match = ["*.1.w?ight"], weight_decay = \(0.2 * decay), rate = 2.0, clip = "own" }, \
    { match = ["*.bias"], clip = "own" }]
    """
  ] + plainKeys(decay: decay)
}

private func plainKeys(decay: Double = 1) -> [String] {
  [
    "model.hidden=[130, 20]", "optimizer.decay=matrices", "optimizer.weight_decay=\(0.05 * decay)",
  ]
}

/// The same tensor by tensor: layers.0.weight, layers.0.bias, layers.1.weight, …
private func treatments(decay: Double = 1) -> [GroupOracle.Treatment] {
  [
    GroupOracle.Treatment(decay: 0, rate: 0), GroupOracle.Treatment(decay: 0, rate: 0),
    GroupOracle.Treatment(decay: 0.2 * decay, rate: 2, clip: 1),
    GroupOracle.Treatment(decay: 0, clip: 2), GroupOracle.Treatment(decay: 0.05 * decay),
    GroupOracle.Treatment(decay: 0, clip: 2),
  ]
}

private let clip = ["clip.rule=global", "clip.max_norm=0.03"]

/// The optimisers with the keys by which the oracle has them.
private let optimizers: [(kind: String, rate: Double, keys: [String])] = [
  ("sgd", 0.5, []), ("momentum", 0.3, []), ("adamw", 0.1, ["optimizer.epsilon=0.1"]),
  ("lars", 0.3, ["optimizer.trust=0.05"]), ("lamb", 0.02, ["optimizer.epsilon=0.1"]),
  ("dog", 1, []),
]

/// Groups of tensors in the step: every optimiser against one process in Double, on 1 to 4 ranks
/// with every exchange; then equal bits, checkpoints, and what else frozen tensors meet. Argument:
/// an empty directory.
let parameterGroupsProgram = RankProgram("parameter-groups") { world, arguments in
  let worlds = [(1, 13), (2, 7), (3, 32), (4, 13)]
  var cases = optimizers.flatMap { optimizer -> [Case] in
    let chosen = ["optimizer.kind=\(optimizer.kind)", "optimizer.learning_rate=\(optimizer.rate)"]
    let decay = optimizer.kind == "dog" ? 0.001 : 1
    return Oracle.cases(
      optimizer.kind, keys(decay: decay) + clip + chosen + optimizer.keys, worlds: worlds
    ) { trainer, oracle, part in
      var truth = GroupOracle(
        optimizer.kind, rate: optimizer.rate, limit: 0.03, treatments(decay: decay),
        shapes: oracle.shapes)
      try check(&truth, trainer, oracle, steps: optimizer.kind == "dog" ? 12 : 4, on: part)
    }
  }
  cases += Oracle.cases(
    "decoupled",
    keys() + clip + ["regularization.l2=0.1", "regularization.decoupled=true"],
    worlds: worlds
  ) { trainer, oracle, part in
    var truth = GroupOracle(
      "sgd", rate: 0.5, limit: 0.03, treatments(), shapes: oracle.shapes)
    truth.decoupled = 0.1
    try check(&truth, trainer, oracle, steps: 3, on: part)
  }
  cases += Oracle.cases("decay alone", plainKeys() + clip, worlds: worlds) {
    trainer, oracle, part in
    var truth = GroupOracle(
      "sgd", rate: 0.5, limit: 0.03,
      oracle.shapes.map { GroupOracle.Treatment(decay: $0.count > 1 ? 0.05 : 0) },
      shapes: oracle.shapes)
    try check(&truth, trainer, oracle, steps: 3, on: part)
  }
  cases += Oracle.cases(
    "sam", keys() + ["regularization.sam_radius=0.2"], worlds: worlds,
    modes: Oracle.modes
  ) { trainer, oracle, part in try checkUphill(trainer, oracle, on: part) }
  cases += thawCases(arguments[0]) + bitsCases(arguments[0])
  try run(cases, on: world)
}

/// Weights, norms and what is recorded of them, step by step at the ranks' own weights.
private func check(
  _ truth: inout GroupOracle, _ trainer: Trainer, _ oracle: Oracle, steps: Int,
  on part: borrowing Communicator
) throws {
  let start = trainer.weights.elements.indices.map { trainer.weights.elements[$0].bitPattern }
  var last: Tensors?
  var own = 0
  for step in 0..<steps {
    let before = oracle.weights(trainer)
    let outcome = try trainer.step(on: part)
    try expectFrozen(trainer, truth, since: start)
    guard part.rank == 0 else { continue }
    let decision = outcome.decision
    let gradient = oracle.gradient(of: oracle.samples(ofStep: step), at: before)
    let (rate, weights) = truth.step(before, gradient)
    try expectClose(outcome.learningRate, rate, 1e-6, "the rate")
    // DoG's first steps are of 10⁻⁶ of the weights, of which Float32 holds little.
    if truth.kind != "dog" || step > 8 {
      try expectStep(oracle.weights(trainer), weights, from: before, "step \(step + 1)")
    }
    try expectClose(decision.norm, norm(gradient), 4e-6, "the norm of everything")
    try expectClose(decision.applied, norm(truth.applied(gradient)), 4e-6, "the applied norm")
    try expectClose(decision.threshold, 0.03, 0, "the limit")
    if decision.ownClips.isEmpty {
      try expectClose(
        decision.coefficient, truth.coefficient(ofClip: 0, gradient), 4e-6, "the coefficient")
    }
    for (index, clip) in decision.ownClips.enumerated() {
      let tensors = index == 0 ? [2] : [3, 5]
      let coefficient = truth.coefficient(ofClip: index + 1, gradient)
      own += coefficient < 1 ? 1 : 0
      try expectClose(clip.norm, norm(tensors.map { gradient[$0] }), 4e-6, "a group's norm")
      try expectClose(clip.coefficient, coefficient, 4e-6, "a group's coefficient")
      try expectClose(clip.threshold, 0.03, 0, "a group's limit")
    }
    if let last {
      try expectClose(
        outcome.ledger[.squaredWeights].squareRoot(), norm(last), 1e-12, "the weights' norm")
    }
    last = before
  }
  try part.expectEqualReplicas(trainer)
  let hasGroups = truth.treatments.contains { $0.clip > 0 }
  try expect(part.rank > 0 || !hasGroups || own > steps, "the groups' clips hardly acted")
}

/// Frozen tensors have the bits that they began with, and no moment.
private func expectFrozen(_ trainer: Trainer, _ truth: GroupOracle, since start: [UInt32]) throws {
  let owned = trainer.optimizer.owned
  for (tensor, segment) in trainer.model.layout.segments.enumerated()
  where truth.treatments[tensor].rate == 0 {
    try expect(
      segment.range.allSatisfy { trainer.weights.elements[$0].bitPattern == start[$0] },
      "\(segment.name) is frozen, and changed")
    guard truth.kind != "dog" else { continue }
    for index in trainer.optimizer.rule.momentNames.indices {
      let moment = trainer.moment(index)
      try expect(
        segment.range.allSatisfy {
          !owned.contains($0) || moment[owned.place(of: $0)].bitPattern == 0
        },
        "\(segment.name) is frozen, and has a moment")
    }
  }
}

/// The uphill step of SAM is one of the tensors that are trained.
private func checkUphill(_ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator)
  throws
{
  var truth = GroupOracle(
    "sgd", rate: 0.5, limit: .infinity, treatments(), shapes: oracle.shapes)
  for step in 0..<3 {
    let before = oracle.weights(trainer)
    _ = try trainer.step(on: part)
    guard part.rank == 0 else { continue }
    let samples = oracle.samples(ofStep: step)
    let first = oracle.gradient(of: samples, at: before).enumerated().map { tensor, values in
      truth.treatments[tensor].rate > 0 ? values : values.map { _ in 0 }
    }
    let above = add(before, first, times: 0.2 / norm(first))
    let weights = truth.step(before, oracle.gradient(of: samples, at: above)).weights
    try expectStep(oracle.weights(trainer), weights, from: before, "step \(step + 1)")
  }
  try part.expectEqualReplicas(trainer)
}

/// Tensors that were frozen until a checkpoint are trained after it, as if their first step were
/// their first.
private func thawCases(_ folder: String) -> [Case] {
  ["adamw", "lamb"].map { kind in
    Case("thawed \(kind)", ranks: 3) { part in
      let chosen = ["optimizer.kind=\(kind)", "optimizer.epsilon=0.1"]
      func made(_ keys: [String], on part: borrowing Communicator) throws -> (Trainer, Oracle) {
        let experiment = try Oracle.experiment(
          13, Oracle.modes[0], keys + chosen + ["optimizer.learning_rate=0.1"])
        let data = try TrainingData(experiment.data, seed: 1, on: part)
        let trainer = try Trainer(experiment, data: data, on: part)
        return (trainer, Oracle(trainer, data, ranks: 3))
      }
      let (frozen, oracle) = try made(keys(), on: part)
      var truth = GroupOracle(
        kind, rate: 0.1, limit: .infinity, treatments(), shapes: oracle.shapes)
      func follow(
        _ trainer: Trainer, _ steps: Range<Int>, on part: borrowing Communicator
      ) throws {
        for step in steps {
          let before = oracle.weights(trainer)
          _ = try trainer.step(on: part)
          guard part.rank == 0 else { continue }
          let gradient = oracle.gradient(of: oracle.samples(ofStep: step), at: before)
          try expectStep(
            oracle.weights(trainer), truth.step(before, gradient).weights, from: before,
            "step \(step + 1)")
        }
      }
      try follow(frozen, 0..<3, on: part)
      try frozen.writeCheckpoint(in: "\(folder)/thaw-\(kind)", on: part)
      let (thawed, _) = try made(plainKeys(), on: part)
      try thawed.restoreCheckpoint(in: "\(folder)/thaw-\(kind)", on: part)
      truth.treatments = oracle.shapes.map {
        GroupOracle.Treatment(decay: $0.count > 1 ? 0.05 : 0)
      }
      try follow(thawed, 3..<6, on: part)
      // A second checkpoint keeps the count of the frozen steps.
      try thawed.writeCheckpoint(in: "\(folder)/thaw-\(kind)", on: part)
      let (again, _) = try made(plainKeys(), on: part)
      try again.restoreCheckpoint(in: "\(folder)/thaw-\(kind)", on: part)
      try follow(again, 6..<8, on: part)
    }
  }
}

/// Every optimiser and clip rule with groups: a resumed run has the bits of one that was not
/// interrupted, and a reproducible one the same bits at 1 to 4 ranks, sharded and replicated.
private func bitsCases(_ folder: String) -> [Case] {
  let registry = Registry()
  let kinds = registry.all(OptimizerRules.self).map {
    "optimizer.kind=\(OptimizerRules.name(of: $0))"
  }
  let rules = registry.all(ClipRules.self).map { "clip.rule=\(ClipRules.name(of: $0))" }
  let file = folder + "/groups.toml"
  return (kinds + rules).map { choice in
    Case("bits \(choice)", ranks: 4) { part in
      try part.succeedOnAllRanks {
        if part.rank == 0 { try bitsText.write(toFile: file, atomically: true, encoding: .utf8) }
      }
      let other = choice.hasPrefix("clip") ? ["optimizer.kind=adamw"] : clip
      let overrides = keys() + other + [choice]
      var reference: String?
      try onRanks([1, 2, 3, 4], of: part) { some in
        for mode in some.size == 3 ? ["sharded", "replicated"] : ["sharded"] {
          let digest = try resumeToTheSameBits(
            file, "reproducible", overrides + ["training.gradient=\(mode)"],
            directory: "\(folder)/\(choice)-\(mode)-\(some.size)", on: some)
          guard some.rank == 0 else { continue }
          try expect(
            digest == reference ?? digest, "other bits, \(mode) on \(some.size) ranks")
          reference = digest
        }
      }
    }
  }
}

private let bitsText = """
  [data]
  kind = "blobs"
  samples = 60
  classes = 4
  dimensions = 9
  [training]
  global_batch = 13
  micro_batch = 3
  steps = 6
  [checkpoint]
  every = 3
  """
