import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Training

/// A regularised gradient, by its definition, from the parts' gradients at any weights.
private struct RegularizationCase {
  let overrides: [String]
  var l1 = 0.0, l2 = 0.0, decay = 0.0
  /// r and α: (1 − α)·∇L(w) + α·∇L(w + r·∇L/‖∇L‖).
  var radius = 0.0, mixture = 1.0
  var isSynchronized = true
  var limit = Double.infinity

  static let all = [
    RegularizationCase(overrides: ["regularization.l1=0.01"], l1: 0.01),
    RegularizationCase(overrides: ["regularization.l2=0.1"], l2: 0.1),
    RegularizationCase(
      overrides: [
        "regularization.l1=0.02", "regularization.l2=0.1", "regularization.decoupled=true",
      ], l1: 0.02, decay: 0.1),
    RegularizationCase(
      overrides: ["regularization.l2=0.1", "clip.rule=global", "clip.max_norm=0.2"], l2: 0.1,
      limit: 0.2),
    RegularizationCase(overrides: ["regularization.sam_radius=0.2"], radius: 0.2),
    RegularizationCase(
      overrides: ["regularization.sam_radius=0.2", "regularization.synchronized=false"],
      radius: 0.2, isSynchronized: false),
    RegularizationCase(
      overrides: [
        "regularization.gradient_norm=0.06", "regularization.sam_radius=0.2",
        "regularization.l2=0.1", "clip.rule=global",
        "clip.max_norm=0.2",
      ],
      l2: 0.1, radius: 0.2, mixture: 0.3, limit: 0.2),
    RegularizationCase(
      overrides: [
        "regularization.gradient_norm=0.06", "regularization.sam_radius=0.2",
        "regularization.synchronized=false",
      ], radius: 0.2,
      mixture: 0.3, isSynchronized: false),
    RegularizationCase(
      overrides: [
        "regularization.sam_radius=0.2", "clip.rule=global", "clip.max_norm=0.2",
        "clip.scope=bound",
      ], radius: 0.2, limit: 0.2),
  ]

  /// The gradients that the parts measure last, and the whole gradient.
  func gradients(_ oracle: Oracle, _ step: Int, at w: Tensors) -> (
    parts: [Oracle.Part], whole: Tensors
  ) {
    var parts = oracle.parts(ofStep: step, at: w)
    var whole = mean(parts)
    if radius > 0 {
      let first = (parts: parts, mean: whole)
      parts = parts.map { part in
        let uphill = isSynchronized ? first.mean : part.gradient
        let above = oracle.gradient(
          of: part.samples, at: add(w, uphill, times: radius / norm(uphill)))
        return Oracle.Part(
          samples: part.samples,
          gradient: isSynchronized
            ? above : add(scaled(above, mixture), part.gradient, times: 1 - mixture))
      }
      whole =
        isSynchronized
        ? add(scaled(mean(parts), mixture), first.mean, times: 1 - mixture) : mean(parts)
    }
    whole = add(whole, w, times: l2)
    return (parts, add(whole, w.map { $0.map { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 } }, times: l1))
  }

  func penalty(at w: Tensors) -> Double {
    l1 * w.joined().reduce(0) { $0 + abs($1) } + 0.5 * l2 * product(w, w)
  }
}

/// Penalties on weights and on the gradient, against two passes of one process: weights, norms,
/// penalty, noise, and the norm of the update.
let normRegularizationProgram = RankProgram("norm-regularization") { world, _ in
  let cases = RegularizationCase.all.flatMap { rule in
    Oracle.cases(
      rule.overrides.joined(separator: " "), rule.overrides,
      modes: Oracle.modes.filter {
        rule.isSynchronized || !$0.contains("training.reproducible=true")
      }
    ) { trainer, oracle, part in try check(rule, trainer, oracle, on: part) }
  }
  try run(cases, on: world)
}

private func check(
  _ rule: RegularizationCase, _ trainer: Trainer, _ oracle: Oracle,
  on part: borrowing Communicator
) throws {
  var last: (before: Tensors, after: Tensors)?
  for step in 0..<3 {
    let before = oracle.weights(trainer)
    let outcome = try trainer.step(on: part)
    try part.expectEqualReplicas(trainer)
    guard part.rank == 0 else { continue }
    let ledger = outcome.ledger
    let (parts, whole) = rule.gradients(oracle, step, at: before)
    let squares =
      parts.reduce(0) { $0 + $1.count * product($1.gradient, $1.gradient) } / ledger.samples
    let held = rule.overrides.contains("clip.scope=bound") ? squares.squareRoot() : norm(whole)
    let coefficient = rule.limit.isFinite ? torchCoefficient(held, rule.limit) : 1
    let shrunk = scaled(before, 1 - 0.5 * rule.decay)
    try expectStep(
      oracle.weights(trainer), add(shrunk, whole, times: -0.5 * coefficient), from: before,
      "step \(step + 1)")
    try expectClose(outcome.decision.norm, norm(whole), 4e-6, "the norm")
    try expectClose(
      outcome.decision.applied, coefficient * norm(whole), 4e-6, "the applied norm")
    try expectClose(
      ledger.partsNorm, norm(mean(parts)), 4e-6, "the norm of the parts' mean")
    try expectClose(ledger.localRMS, squares.squareRoot(), 4e-6, "√L")
    try expectClose(ledger[.penalty], rule.penalty(at: before), 1e-6, "the penalty")
    try expect(ledger.partsNorm <= ledger.localRMS * (1 + 1e-6), "‖g‖ above √L")
    if let last {
      // The update of the step before, to the bit of the stored weights.
      try expectClose(
        ledger[.squaredUpdate].squareRoot(), norm(add(last.after, last.before, times: -1)), 1e-12,
        "the update's norm")
      try expectClose(
        ledger[.squaredWeights].squareRoot(), norm(last.before), 1e-12, "the weights' norm"
      )
    }
    last = (before, oracle.weights(trainer))
  }
}
