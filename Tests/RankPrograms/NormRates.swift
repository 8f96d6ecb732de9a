import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Training

/// An optimiser with layer-wise or parameter-free rates, as its paper defines it.
private struct RateCase {
  let overrides: [String]
  let limit: Double
  var worlds = Oracle.worlds
  let step:
    (_ weights: inout Tensors, _ gradient: Tensors, _ shapes: [[Int]], _ state: inout State) -> Void

  /// DoG is compared step by step, at a larger rate.
  var isDoG: Bool { overrides == ["optimizer.kind=dog"] }

  struct State {
    var moments: [Tensors] = []
    var steps = 0
    var start: Tensors = []
    var largest = 0.0
    var squares = 0.0
    /// The last learning rate, where the rule makes it.
    var rate: Double?
  }

  nonisolated(unsafe) static let all = [
    // v ← μv + λ(g + βw), λ = κ‖w‖/(‖g‖ + β‖w‖); vectors keep λ = 1.
    RateCase(
      overrides: [
        "optimizer.kind=lars", "optimizer.learning_rate=0.3", "optimizer.trust=0.05",
        "optimizer.weight_decay=0.02",
      ],
      limit: .infinity
    ) { w, g, shapes, state in lars(&w, g, shapes, &state) },
    // The norm in λ is that of the gradient as it is applied, also after a clip of single elements.
    RateCase(
      overrides: [
        "optimizer.kind=lars", "optimizer.learning_rate=0.3", "optimizer.trust=0.05",
        "optimizer.weight_decay=0.02", "clip.rule=value",
        "clip.max_value=0.02",
      ],
      limit: .infinity
    ) { w, g, shapes, state in
      lars(&w, g.map { $0.map { min(max($0, -0.02), 0.02) } }, shapes, &state)
    },
    RateCase(
      overrides: [
        "optimizer.kind=lamb", "optimizer.learning_rate=0.02", "optimizer.weight_decay=0.05",
        "optimizer.epsilon=1e-6",
      ],
      limit: 0.5
    ) { w, g, shapes, state in lamb(&w, g, shapes, &state) },
    RateCase(overrides: ["optimizer.kind=dog"], limit: 0.5) { w, g, _, state in dog(&w, g, &state)
    },
    // A tall matrix, a wide one, and AdamW for the head and biases, with decay of matrices alone.
    RateCase(
      overrides: [
        "optimizer.kind=muon", "optimizer.learning_rate=0.02", "optimizer.weight_decay=0.3",
        "optimizer.adamw_rate=0.5", "optimizer.adamw_epsilon=1e-3",
        "optimizer.adamw_weight_decay=0.2", "optimizer.decay=matrices", "model.hidden=[12, 5]",
      ],
      limit: 0.5, worlds: [(1, 13), (2, 7), (3, 64), (4, 13)]
    ) { w, g, shapes, state in
      muon(&w, g, shapes, &state, isNesterov: true) { max(1, $0 / $1).squareRoot() }
    },
    RateCase(
      overrides: [
        "optimizer.kind=muon", "optimizer.learning_rate=0.02", "optimizer.weight_decay=0.3",
        "optimizer.adamw_rate=0.5", "optimizer.adamw_epsilon=1e-3",
        "optimizer.adamw_weight_decay=0.2", "optimizer.decay=matrices", "model.hidden=[12, 5]",
        "optimizer.nesterov=false", "optimizer.scale=match_rms_adamw",
      ],
      limit: .infinity, worlds: [(3, 13), (8, 7)]
    ) { w, g, shapes, state in
      muon(&w, g, shapes, &state, isNesterov: false) { 0.2 * max($0, $1).squareRoot() }
    },
  ]

  private static func lars(
    _ w: inout Tensors, _ g: Tensors, _ shapes: [[Int]], _ state: inout State
  ) {
    if state.moments.isEmpty { state.moments = [zeros(w)] }
    for k in w.indices {
      let ratio = shapes[k].count > 1 ? 0.05 * norm(w[k]) / (norm(g[k]) + 0.02 * norm(w[k])) : 1
      for i in w[k].indices {
        state.moments[0][k][i] = 0.9 * state.moments[0][k][i] + ratio * (g[k][i] + 0.02 * w[k][i])
        w[k][i] -= 0.3 * state.moments[0][k][i]
      }
    }
  }

  private static func lamb(
    _ w: inout Tensors, _ g: Tensors, _ shapes: [[Int]], _ state: inout State
  ) {
    if state.moments.isEmpty { state.moments = [zeros(w), zeros(w)] }
    state.steps += 1
    for k in w.indices {
      let direction = zip(adam(k, g[k], epsilon: 1e-6, &state), w[k]).map { $0 + 0.05 * $1 }
      let ratio = shapes[k].count > 1 ? norm(w[k]) / norm(direction) : 1
      for i in w[k].indices { w[k][i] -= 0.02 * ratio * direction[i] }
    }
  }

  /// m̂ / (√ŝ + ε) of one tensor.
  private static func adam(_ k: Int, _ g: [Double], epsilon: Double, _ state: inout State)
    -> [Double]
  {
    var (power1, power2) = (1.0, 1.0)
    for _ in 0..<state.steps { (power1, power2) = (power1 * 0.9, power2 * 0.999) }
    return g.indices.map { i in
      state.moments[0][k][i] = 0.9 * state.moments[0][k][i] + 0.1 * g[i]
      state.moments[1][k][i] = 0.999 * state.moments[1][k][i] + 0.001 * g[i] * g[i]
      let (first, second) = (
        state.moments[0][k][i] / (1 - power1), state.moments[1][k][i] / (1 - power2)
      )
      return first / (second.squareRoot() + epsilon)
    }
  }

  /// m ← 0.95m + 0.05g, u = m or 0.95m + 0.05g, w ← w − lr·0.3·w − lr·scale·NS(u) of the matrices of
  /// hidden layers; AdamW for the last layer and biases.
  private static func muon(
    _ w: inout Tensors, _ g: Tensors, _ shapes: [[Int]], _ state: inout State, isNesterov: Bool,
    scale: (_ rows: Double, _ columns: Double) -> Double
  ) {
    if state.moments.isEmpty { state.moments = [zeros(w), zeros(w)] }
    state.steps += 1
    let head = shapes.count - 2
    for k in w.indices {
      guard shapes[k].count > 1, k != head else {
        let u = adam(k, g[k], epsilon: 1e-3, &state)
        let decay = k == head ? 0.2 : 0
        w[k] = zip(w[k], u).map { $0 - 0.01 * decay * $0 - 0.01 * $1 }
        continue
      }
      let (rows, columns) = (shapes[k][0], shapes[k][1])
      state.moments[0][k] = zip(state.moments[0][k], g[k]).map { 0.95 * $0 + 0.05 * $1 }
      let u =
        isNesterov
        ? zip(state.moments[0][k], g[k]).map { 0.95 * $0 + 0.05 * $1 } : state.moments[0][k]
      let length = 0.02 * scale(Double(rows), Double(columns))
      let direction = newtonSchulz(u, rows: rows, columns: columns)
      w[k] = zip(w[k], direction).map { $0 - 0.02 * 0.3 * $0 - length * $1 }
    }
  }

  private static func dog(_ w: inout Tensors, _ g: Tensors, _ state: inout State) {
    if state.start.isEmpty {
      state.start = w
      state.largest = 1e-6 * (1 + norm(w))
    }
    state.largest = max(state.largest, norm(add(w, state.start, times: -1)))
    state.squares += product(g, g)
    let rate = state.largest / (state.squares + 1e-8).squareRoot()
    state.rate = rate
    // Times the experiment's learning rate.
    w = add(w, g, times: -4 * rate)
  }
}

/// LARS, LAMB, DoG and Muon over 20 steps, against trajectories of one process in Double that never look
/// at the ranks' weights.
let normRatesProgram = RankProgram("norm-rates") { world, _ in
  let cases = RateCase.all.flatMap { rule in
    let clip = rule.limit.isFinite ? ["clip.rule=global", "clip.max_norm=\(rule.limit)"] : []
    let rate = rule.isDoG ? ["optimizer.learning_rate=4"] : []
    return Oracle.cases(
      rule.overrides.joined(separator: " "), rule.overrides + clip + rate, worlds: rule.worlds
    ) { trainer, oracle, part in try check(rule, trainer, oracle, on: part) }
  }
  try run(cases, on: world)
}

private func check(
  _ rule: RateCase, _ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator
) throws {
  let start = oracle.weights(trainer)
  var weights = start
  var state = RateCase.State()
  for step in 0..<20 {
    // DoG's first steps are of 10⁻⁶ of the weights, of which Float32 holds little: each is compared
    // with the formula at the ranks' own weights.
    if rule.isDoG { weights = oracle.weights(trainer) }
    let before = weights
    let outcome = try trainer.step(on: part)
    guard part.rank == 0 else { continue }
    let gradient = oracle.gradient(of: oracle.samples(ofStep: step), at: weights)
    let coefficient = rule.limit.isFinite ? torchCoefficient(norm(gradient), rule.limit) : 1
    rule.step(&weights, scaled(gradient, coefficient), oracle.shapes, &state)
    if let rate = state.rate {
      try expectClose(outcome.learningRate, 4 * rate, 1e-6, "the rate of step \(step + 1)")
      if step > 8 {
        try expectStep(oracle.weights(trainer), weights, from: before, "step \(step + 1)")
      }
    }
  }
  try part.expectEqualReplicas(trainer)
  guard part.rank == 0 else { return }
  let error = norm(add(oracle.weights(trainer), weights, times: -1))
  let way = norm(add(weights, start, times: -1))
  try expect(
    error < 3e-6 * norm(weights),
    "\(error) off after a way of \(way), weights \(norm(weights))")
  try expect(way > 1e-2, "hardly moved, \(way)")
}

/// AdaScale's rate and the batch that grows with the noise, against the formulas on running means
/// of one process.
let normAdaptationProgram = RankProgram("norm-adaptation") { world, _ in
  var cases: [Case] = []
  for (ranks, batch) in [(2, 7), (5, 64), (8, 257)] {
    for (kind, isAdam) in [("sgd", false), ("adamw", true)] {
      let base = max(1, batch / 5)
      cases += Oracle.cases(
        "adascale \(kind)",
        [
          "schedule.kind=adascale", "schedule.base_batch=\(base)", "optimizer.kind=\(kind)",
          "optimizer.learning_rate=0.01",
        ], worlds: [(ranks, batch)]
      ) { trainer, oracle, part in
        try checkAdaScale(trainer, oracle, base: base, isAdam: isAdam, on: part)
      }
    }
  }
  cases += Oracle.cases(
    "a growing batch",
    [
      "schedule.batch=noise-scale", "schedule.max_batch=70", "optimizer.learning_rate=0.02",
      "training.micro_batch=3",
    ], worlds: [(4, 10)]
  ) { trainer, _, part in try checkGrowth(trainer, on: part) }
  try run(cases, on: world)
}

private func checkAdaScale(
  _ trainer: Trainer, _ oracle: Oracle, base: Int, isAdam: Bool, on part: borrowing Communicator
) throws {
  var noise = NaiveNoise()
  for step in 0..<5 {
    let before = oracle.weights(trainer)
    let outcome = try trainer.step(on: part)
    guard part.rank == 0 else { continue }
    noise.record(oracle.parts(ofStep: step, at: before))
    let scale = outcome.ledger.samples / Double(base)
    let (sigma, mu) = (noise.variance / Double(base), max(noise.signal, 0))
    let gain = (sigma + mu) / (sigma / scale + mu)
    try expect(
      (min(1, scale)...max(1, scale)).contains(gain), "a gain of \(gain) for \(scale)")
    try expectClose(
      outcome.learningRate, 0.01 * (isAdam ? gain.squareRoot() : gain), 1e-5,
      "the rate of step \(step + 1)")
  }
  try part.expectEqualReplicas(trainer)
}

private func checkGrowth(_ trainer: Trainer, on part: borrowing Communicator) throws {
  var (batch, position, sizes) = (10, 0, [10])
  var (signal, variance, seen) = (0.0, 0.0, 0.0)
  for step in 1...60 {
    let ledger = try trainer.step(on: part).ledger
    let drawn = min(batch, Oracle.samples - position)
    try expect(
      ledger.samples == Double(drawn), "step \(step) has \(ledger.samples) samples, not \(drawn)")
    position = (position + drawn) % Oracle.samples
    let spread =
      (ledger.meanLocalSquares - ledger.squaredNorm) * ledger.samples
      / (ledger[.contributors] - 1)
    signal = 0.98 * signal + 0.02 * (ledger.squaredNorm - spread / ledger.samples)
    variance = 0.98 * variance + 0.02 * spread
    seen = 0.98 * seen + 0.02
    if seen >= 0.5 && signal > 0 && variance / signal >= 2 * Double(batch) {
      batch = min(2 * batch, 70)
      sizes.append(batch)
    }
  }
  try expect(
    Set(sizes) == [10, 20, 40, 70] || Set(sizes) == [10, 20, 40] || Set(sizes) == [10, 20],
    "batches \(sizes)")
  try part.expectEqualReplicas(trainer, " of a growing batch")
}
