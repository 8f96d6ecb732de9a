import Configuration
import Data
import GradientNorms
import MPI
import Training
import Vectors

/// A rule that limits the update, as its source defines it: the factor of each tensor, from its
/// norms and sizes, and what the rule remembers.
private struct UpdateCase {
  let overrides: [String]
  /// What the gradient of each step is multiplied by: powers of two, which lose no digit.
  var sizes: [Double] = [1, 1, 1, 1]
  let factors: @Sendable (_ norms: [Double], _ sizes: [Int], _ means: inout [Double]) -> [Double]

  static let all = [
    // Adafactor, arXiv 1804.04235: u / max(1, RMS(u)/d).
    UpdateCase(overrides: ["clip.rule=rms", "clip.max_rms=0.02"]) { norms, sizes, _ in
      zip(norms, sizes).map { 1 / max(1, $0 / Double($1).squareRoot() / 0.02) }
    },
    UpdateCase(overrides: ["clip.rule=global", "clip.of=update", "clip.max_norm=0.1"]) {
      norms, _, _ in
      norms.map { _ in torchCoefficient(norm(norms), 0.1) }
    },
    UpdateCase(overrides: ["clip.rule=normalize", "clip.of=update", "clip.max_norm=3"]) {
      norms, _, _ in
      norms.map { _ in 3 / (norm(norms) + 1e-6) }
    },
    UpdateCase(overrides: ["clip.rule=ema", "clip.of=update", "clip.ratio=0.7", "clip.memory=0.6"])
    { norms, _, means in
      if means.isEmpty { means = norms }
      let factors = zip(norms, means).map { torchCoefficient($0, 0.7 * $1) }
      means = norms.indices.map { 0.6 * means[$0] + 0.4 * factors[$0] * norms[$0] }
      return factors
    },
    // Levanter's clip_update_norm, of norms before clipping; it waits for two.
    UpdateCase(
      overrides: ["clip.rule=sigma", "clip.window=3", "clip.sigma_factor=0.01"],
      sizes: [1, 0.5, 4, 16]
    ) { norms, _, past in
      let whole = norm(norms)
      defer { past.append(whole) }
      let last = past.suffix(3)
      guard last.count >= 2 else { return norms.map { _ in 1 } }
      let mean = last.reduce(0, +) / Double(last.count)
      let spread = norm(last.map { $0 - mean }) / Double(last.count).squareRoot()
      let limit = mean + 0.01 * max(spread, 1e-6)
      return norms.map { _ in whole > limit ? torchCoefficient(whole, limit) : 1 }
    },
  ]
}

private let optimizers: [(kind: String, rate: Double, keys: [String], decoupled: Double)] = [
  ("sgd", 0.5, [], 0), ("momentum", 0.3, [], 0.1), ("adamw", 0.1, ["optimizer.epsilon=0.1"], 0),
  ("lamb", 0.02, ["optimizer.epsilon=0.1"], 0),
]

/// Clips of the update against one process in Double, on 1 to 4 ranks with every exchange: weights,
/// and the norms of gradient and update that are reported; then a rule by the optimiser's second
/// moment.
let normUpdatesProgram = RankProgram("norm-updates") { world, _ in
  let worlds = [(1, 13), (2, 7), (3, 32), (4, 13)]
  var cases = UpdateCase.all.flatMap { rule in
    optimizers.flatMap { optimizer -> [Case] in
      var keys = [
        "optimizer.kind=\(optimizer.kind)", "optimizer.learning_rate=\(optimizer.rate)",
        "optimizer.weight_decay=0.05",
      ]
      if optimizer.decoupled > 0 {
        keys += ["regularization.l2=\(optimizer.decoupled)", "regularization.decoupled=true"]
      }
      let name = "\(optimizer.kind) \(rule.overrides.joined(separator: " "))"
      return Oracle.cases(name, keys + optimizer.keys + rule.overrides, worlds: worlds) {
        trainer, oracle, part in
        var truth = GroupOracle(
          optimizer.kind, rate: optimizer.rate, limit: 1e9,
          oracle.shapes.map { _ in GroupOracle.Treatment(decay: 0.05) }, shapes: oracle.shapes)
        truth.decoupled = optimizer.decoupled
        try check(rule, &truth, trainer, oracle, on: part)
      }
    }
  }
  cases += Oracle.cases(
    "spam",
    [
      "clip.rule=spam", "clip.threshold=0.5", "clip.reset_every=4", "clip.warmup_steps=1",
      "clip.settle_steps=1", "optimizer.kind=adamw", "optimizer.learning_rate=0.1",
      "optimizer.weight_decay=0.05", "optimizer.epsilon=0.1",
    ], worlds: worlds
  ) { trainer, oracle, part in try checkSPAM(trainer, oracle, on: part) }
  cases += Oracle.cases(
    "stable-spam",
    [
      "clip.rule=stable-spam", "clip.memory=0.5", "clip.norm_memory=0.6", "clip.square_memory=0.9",
      "clip.reset_every=4", "optimizer.kind=adamw", "optimizer.learning_rate=0.1",
      "optimizer.weight_decay=0.05", "optimizer.epsilon=0.1",
    ], worlds: worlds
  ) { trainer, oracle, part in try checkStableSPAM(trainer, oracle, on: part) }
  try run(cases, on: world)
}

/// The update that the optimiser makes of a gradient which is not clipped, times the rule's
/// factors.
private func check(
  _ rule: UpdateCase, _ truth: inout GroupOracle, _ trainer: Trainer, _ oracle: Oracle,
  on part: borrowing Communicator
) throws {
  var means: [Double] = []
  var clipped = 0
  trainer.faults.changeGradient = { gradient, step in
    gradient.scale(by: Float(rule.sizes[step - 1]))
  }
  for step in 0..<4 {
    let before = oracle.weights(trainer)
    let decision = try trainer.step(on: part).decision
    guard part.rank == 0 else { continue }
    let gradient = scaled(
      oracle.gradient(of: oracle.samples(ofStep: step), at: before), rule.sizes[step])
    let (rate, whole) = truth.step(before, gradient)
    // Decay outside the optimiser comes first, and is no part of the update.
    let shrunk = scaled(before, 1 - rate * truth.decoupled)
    let update = scaled(add(shrunk, whole, times: -1), 1 / rate)
    let factors = rule.factors(update.map { norm($0) }, update.map(\.count), &means)
    let applied = update.indices.map { tensor in update[tensor].map { factors[tensor] * $0 } }
    try expectStep(
      oracle.weights(trainer), add(shrunk, applied, times: -rate), from: before,
      "step \(step + 1)")
    try expectClose(decision.norm, norm(gradient), 4e-6, "the gradient's norm")
    try expectClose(decision.applied, norm(gradient), 4e-6, "the gradient's norm once more")
    try expect(decision.coefficient == 1 && decision.threshold == nil, "the gradient is clipped")
    let found = decision.update
    try expectClose(found?.norm, norm(update), 4e-6, "the update's norm")
    try expectClose(found?.applied, norm(applied), 4e-6, "the norm of the clipped update")
    let isClip = factors.contains { $0 < 1 - 1e-5 } || rule.overrides[0] == "clip.rule=normalize"
    clipped += isClip ? 1 : 0
    if isClip { try expect(decision.action == .clip, "step \(step + 1) is \(decision.action)") }
  }
  try part.expectEqualReplicas(trainer)
  try expect(part.rank > 0 || clipped > 0, "the rule never acted")
}

/// SPAM on AdamW, in Double: two resets of the moments in nine steps.
private func checkSPAM(_ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator) throws
{
  var (first, second) = (oracle.weights(trainer), oracle.weights(trainer))
  (first, second) = (zeros(first), zeros(second))
  var (power1, power2) = (1.0, 1.0)
  var clipped = 0
  for step in 1...9 {
    let before = oracle.weights(trainer)
    let outcome = try trainer.step(on: part)
    guard part.rank == 0 else { continue }
    let decision = outcome.decision
    let gradient = oracle.gradient(of: oracle.samples(ofStep: step - 1), at: before)
    var applied = gradient
    (power1, power2) = (power1 * 0.9, power2 * 0.999)
    let rate = step % 4 == 0 ? 0.1 * (1 - 0.99) : 0.1
    var new = before
    for tensor in gradient.indices {
      for index in gradient[tensor].indices {
        var g = gradient[tensor][index]
        let limit = 0.5 * second[tensor][index]
        if step % 4 == 0 {
          (first[tensor][index], second[tensor][index]) = (0, 0)
        } else if limit > 0, g * g > limit {
          g = g > 0 ? limit.squareRoot() : -limit.squareRoot()
        }
        applied[tensor][index] = g
        first[tensor][index] = 0.9 * first[tensor][index] + 0.1 * g
        second[tensor][index] = 0.999 * second[tensor][index] + 0.001 * g * g
        let u =
          first[tensor][index] / (1 - power1)
          / ((second[tensor][index] / (1 - power2)).squareRoot() + 0.1)
        new[tensor][index] = before[tensor][index] * (1 - rate * 0.05) - rate * u
      }
    }
    try expectClose(outcome.learningRate, rate, 1e-12, "step \(step): the rate")
    try expectStep(oracle.weights(trainer), new, from: before, "step \(step)")
    try expectClose(decision.norm, norm(gradient), 4e-6, "step \(step): the norm")
    try expectClose(decision.applied, norm(applied), 4e-6, "step \(step): the applied norm")
    let isClip = norm(applied) < 0.999 * norm(gradient)
    clipped += isClip ? 1 : 0
    if isClip { try expect(decision.action == .clip, "step \(step) is \(decision.action)") }
  }
  try part.expectEqualReplicas(trainer)
  try expect(part.rank > 0 || clipped >= 3, "the rule acted in \(clipped) steps")
}

/// Stable-SPAM on AdamW, in Double: the bias of the three means is corrected by all steps, that of
/// the moments by those since their last reset.
private func checkStableSPAM(
  _ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator
) throws {
  let start = oracle.weights(trainer)
  var (first, second) = (zeros(start), zeros(start))
  var means = start.map { _ in (largest: 0.0, norm: 0.0, square: 0.0) }
  var (limited, clipped) = (0, 0)
  for step in 1...9 {
    let before = oracle.weights(trainer)
    let decision = try trainer.step(on: part).decision
    guard part.rank == 0 else { continue }
    let gradient = oracle.gradient(of: oracle.samples(ofStep: step - 1), at: before)
    var applied = gradient
    for tensor in gradient.indices {
      func correction(_ memory: Double) -> Double {
        (0..<step).reduce(1.0) { power, _ in power * memory }
      }
      let largest = gradient[tensor].map(abs).max()!
      means[tensor].largest = 0.5 * means[tensor].largest + 0.5 * largest
      let limit = means[tensor].largest / (1 - correction(0.5))
      applied[tensor] = gradient[tensor].map { abs($0) > limit ? $0 / largest * limit : $0 }
      if limit < largest { limited += 1 }
      let length = norm(applied[tensor])
      means[tensor].norm = 0.6 * means[tensor].norm + 0.4 * length
      means[tensor].square = 0.9 * means[tensor].square + 0.1 * length * length
      let root = (means[tensor].square / (1 - correction(0.9))).squareRoot()
      let wanted = means[tensor].norm / (1 - correction(0.6)) / (root + 1e-8)
      applied[tensor] = applied[tensor].map { $0 / length * wanted }
    }
    let counted = step < 4 ? step : step % 4 + 1
    if step % 4 == 0 { (first, second) = (zeros(start), zeros(start)) }
    let (power1, power2) = (0..<counted).reduce((1.0, 1.0)) { powers, _ in
      (powers.0 * 0.9, powers.1 * 0.999)
    }
    var new = before
    for tensor in applied.indices {
      for (index, g) in applied[tensor].enumerated() {
        first[tensor][index] = 0.9 * first[tensor][index] + 0.1 * g
        second[tensor][index] = 0.999 * second[tensor][index] + 0.001 * g * g
        let u =
          first[tensor][index] / (1 - power1)
          / ((second[tensor][index] / (1 - power2)).squareRoot() + 0.1)
        new[tensor][index] = before[tensor][index] * (1 - 0.1 * 0.05) - 0.1 * u
      }
    }
    try expectStep(oracle.weights(trainer), new, from: before, "step \(step)")
    try expectClose(decision.norm, norm(gradient), 4e-6, "step \(step): the norm")
    try expectClose(decision.applied, norm(applied), 4e-6, "step \(step): the applied norm")
    clipped += decision.action == .clip ? 1 : 0
  }
  try part.expectEqualReplicas(trainer)
  try expect(part.rank > 0 || limited > 3 && clipped > 3, "\(limited) limits, \(clipped) clips")
}
