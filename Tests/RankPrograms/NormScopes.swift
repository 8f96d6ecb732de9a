import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Training

/// Where the clip acts: on the mean gradient, on each rank's own, on each sample's, or by the bound
/// √L. Weights, norms, bias and certificates against one process.
let normScopesProgram = RankProgram("norm-scopes") { world, _ in
  var cases: [Case] = []
  for limit in [0.3, 0.6, 0.9] {
    // Each sample by itself takes the oracle long.
    for scope in ClipScope.allCases where scope != .sample || limit == 0.6 {
      cases += Oracle.cases(
        "scope \(scope.rawValue), limit \(limit),",
        [
          "clip.rule=global", "clip.max_norm=\(limit)", "clip.scope=\(scope.rawValue)",
          "report.every=2",
        ],
        worlds: scope == .sample ? [(1, 13), (2, 7), (3, 64), (4, 13), (5, 7)] : Oracle.worlds,
        modes: Oracle.modes.filter {
          !(scope == .worker && $0.contains("training.reproducible=true"))
        }
      ) { trainer, oracle, part in try check(scope, limit, trainer, oracle, on: part) }
    }
  }
  try run(cases, on: world)
}

private func check(
  _ scope: ClipScope, _ limit: Double, _ trainer: Trainer, _ oracle: Oracle,
  on part: borrowing Communicator
) throws {
  var noise = NaiveNoise()
  for step in 0..<4 {
    let before = oracle.weights(trainer)
    let outcome = try trainer.step(on: part)
    try part.expectEqualReplicas(trainer)
    guard part.rank == 0 else { continue }
    let parts = oracle.parts(ofStep: step, at: before)
    let exact = mean(parts)
    let truth = ScopeTruth(scope, parts, limit: limit, oracle, at: before)
    try expectStep(
      oracle.weights(trainer), add(before, truth.applied, times: -0.5), from: before,
      "step \(step + 1)")
    // Scopes worker and sample sum the exact gradient too at the first and at report steps: 1, 2
    // and 4.
    let isMeasured = scope == .meanGradient || scope == .bound || step != 2
    let decision = outcome.decision
    try expectClose(
      decision.applied, norm(truth.applied), 4e-6, "the applied norm")
    if isMeasured {
      try expectClose(
        decision.norm, norm(exact), 4e-6, "the norm before the clip")
    } else {
      try expect(decision.norm == nil, "a norm that was not measured")
    }
    try expect(
      decision.isCertified == truth.isCertified,
      "certified \(decision.isCertified), √L \(outcome.ledger.localRMS)")
    try expect((decision.action == .clip) == truth.clips, "\(decision.action)")
    if let bias = outcome.bias {
      let wanted = scaled(exact, torchCoefficient(norm(exact), limit))
      let difference = norm(add(truth.applied, wanted, times: -1)) / norm(wanted)
      try expect(
        abs(bias.relative - difference) < 1e-4 * max(difference, 1e-2),
        "the bias is \(bias.relative), not \(difference)"
      )
      try expectClose(
        bias.cosine, product(exact, truth.applied) / norm(exact) / norm(truth.applied),
        1e-6, "the cosine")
      if decision.isCertified {
        try expect(bias.relative < 1e-12, "certified and yet biased")
      }
    }
    try expect(
      (outcome.bias != nil) == (scope != .meanGradient && isMeasured),
      "step \(step + 1), bias \(outcome.bias as Any)")
    try expect(
      outcome.ledger.clippedSamples == truth.clippedSamples,
      "\(outcome.ledger.clippedSamples as Any) of the samples are clipped, not \(truth.clippedSamples as Any)"
    )
    // The noise is that of the gradients before any clip, but in scope sample.
    if isMeasured || scope == .sample { noise.record(truth.parts) }
    if parts.count > 1 {
      try expectClose(
        outcome.noise.variance, noise.variance, 1e-4, "the variance")
      try expect(
        abs((outcome.noise.signal ?? .nan) - noise.signal) < 1e-4
          * (abs(noise.signal) + noise.variance / outcome.ledger.samples),
        "the signal is \(outcome.noise.signal ?? .nan), not \(noise.signal)")
    }
  }
}

/// The gradient that a scope applies.
private struct ScopeTruth {
  var applied: Tensors
  var isCertified = false
  var clips: Bool
  /// The gradients whose spread is the noise.
  var parts: [Oracle.Part]
  /// The share of samples that are clipped by themselves.
  var clippedSamples: Double?

  init(
    _ scope: ClipScope, _ parts: [Oracle.Part], limit: Double, _ oracle: Oracle,
    at weights: Tensors
  ) {
    self.parts = parts
    let exact = mean(parts)
    let total = parts.reduce(0) { $0 + $1.count }
    let rms = (parts.reduce(0) { $0 + $1.count * product($1.gradient, $1.gradient) } / total)
      .squareRoot()
    switch scope {
    case .meanGradient:
      applied = scaled(exact, torchCoefficient(norm(exact), limit))
      clips = torchCoefficient(norm(exact), limit) < 1
    case .worker:
      applied = mean(parts) { torchCoefficient(norm($0.gradient), limit) }
      clips = parts.contains { torchCoefficient(norm($0.gradient), limit) < 1 }
    case .bound:
      applied = scaled(exact, torchCoefficient(rms, limit))
      clips = torchCoefficient(rms, limit) < 1
    case .sample:
      var count = 0.0
      self.parts = parts.map { part in
        let sum = part.samples.reduce(zeros(part.gradient)) { sum, sample in
          let own = oracle.gradient(of: sample..<sample + 1, at: weights)
          let factor = torchCoefficient(norm(own), limit)
          if factor < 1 { count += 1 }
          return add(sum, own, times: factor)
        }
        return Oracle.Part(samples: part.samples, gradient: scaled(sum, 1 / part.count))
      }
      applied = mean(self.parts)
      clips = count > 0
      clippedSamples = count / total
    }
    isCertified =
      scope != .worker && scope != .sample && torchCoefficient(rms, limit) == 1
  }
}

/// The running means of the noise scale, written out: memory 0.98, bias corrected.
struct NaiveNoise {
  private var steps: [(signal: Double, variance: Double)] = []

  mutating func record(_ parts: [Oracle.Part]) {
    guard parts.count > 1 else { return }
    let total = parts.reduce(0) { $0 + $1.count }
    let gradient = mean(parts)
    // Σ bᵢ‖gᵢ − g‖²/(N − 1), without a difference of large numbers.
    let variance =
      parts.reduce(0) { sum, part in
        let apart = add(part.gradient, gradient, times: -1)
        return sum + part.count * product(apart, apart)
      } / Double(parts.count - 1)
    steps.append((product(gradient, gradient) - variance / total, variance))
  }

  private func average(_ value: ((signal: Double, variance: Double)) -> Double) -> Double {
    var (sum, weights, weight) = (0.0, 0.0, 1.0)
    for step in steps.reversed() {
      sum += weight * value(step)
      weights += weight
      weight *= 0.98
    }
    return sum / weights
  }

  var count: Int { steps.count }
  var signal: Double { average(\.signal) }
  var variance: Double { average(\.variance) }
}
