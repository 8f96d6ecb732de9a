import Configuration
import GradientReduction
import Data
import Glibc
import GradientNorms
import MPI
import Training
import Vectors

/// A clip rule as its source defines it, on tensors in one process.
private struct ClipCase {
  let overrides: [String]
  /// What the gradient of each step is multiplied by: powers of two, which lose no digit; norms
  /// that fall, so that limits made of past norms act.
  var sizes: [Double] = [1, 8, 0.5, 2]
  /// The clipped gradient, and what the rule remembers.
  let clip:
    (_ gradient: Tensors, _ weights: Tensors, _ shapes: [[Int]], _ memory: inout NaiveMemory) ->
      Tensors

  struct NaiveMemory {
    var norms: [Double] = []
    var mean = 0.0, variance = 0.0
    var tensorMeans: [Double] = []
  }

  private static func byFactors(_ gradient: Tensors, _ factor: (Int) -> Double) -> Tensors {
    gradient.indices.map { tensor in gradient[tensor].map { $0 * factor(tensor) } }
  }

  nonisolated(unsafe) static let all = [
    ClipCase(overrides: ["clip.rule=none"]) { g, _, _, _ in g },
    ClipCase(overrides: ["clip.rule=global", "clip.max_norm=0.1"]) { g, _, _, _ in
      scaled(g, torchCoefficient(norm(g), 0.1))
    },
    ClipCase(overrides: ["clip.rule=global", "clip.max_norm=0.1", "clip.order=1"]) { g, _, _, _ in
      scaled(g, torchCoefficient(g.joined().reduce(0) { $0 + abs($1) }, 0.1))
    },
    ClipCase(overrides: ["clip.rule=global", "clip.max_norm=0.01", "clip.order=inf"]) {
      g, _, _, _ in
      scaled(g, torchCoefficient(g.joined().map(abs).max()!, 0.01))
    },
    ClipCase(overrides: ["clip.rule=per-layer", "clip.max_norm=0.2"]) { g, _, _, _ in
      byFactors(g) { torchCoefficient(norm(g[$0]), 0.2 / Double(g.count).squareRoot()) }
    },
    ClipCase(overrides: ["clip.rule=per-layer", "clip.max_norm=0.2", "clip.budget=size"]) {
      g, _, _, _ in
      let count = g.reduce(0) { $0 + $1.count }
      return byFactors(g) {
        torchCoefficient(norm(g[$0]), 0.2 * (Double(g[$0].count) / Double(count)).squareRoot())
      }
    },
    ClipCase(overrides: ["clip.rule=value", "clip.max_value=0.02"]) { g, _, _, _ in
      g.map { $0.map { min(max($0, -0.02), 0.02) } }
    },
    ClipCase(overrides: ["clip.rule=agc", "clip.ratio=0.1", "clip.floor=0.5"]) { g, w, shapes, _ in
      g.indices.map { tensor in
        // A matrix clips row by row, a vector as one.
        let unit = shapes[tensor].count > 1 ? g[tensor].count / shapes[tensor][0] : g[tensor].count
        return stride(from: 0, to: g[tensor].count, by: unit).flatMap { start -> [Double] in
          let row = Array(g[tensor][start..<start + unit])
          let limit = 0.1 * max(norm(Array(w[tensor][start..<start + unit])), 0.5)
          return norm(row) > limit ? row.map { $0 * limit / max(norm(row), 1e-6) } : row
        }
      }
    },
    ClipCase(overrides: ["clip.rule=percentile", "clip.percentile=30", "clip.window=3"]) {
      g, _, _, memory in
      memory.norms.append(norm(g))
      let sorted = memory.norms.suffix(3).sorted()
      // numpy.percentile: position 0.3·(n − 1) between the sorted values.
      let position = 0.3 * Double(sorted.count - 1)
      let below = Int(position)
      let limit =
        below + 1 < sorted.count
        ? sorted[below] * (1 - (position - Double(below))) + sorted[below + 1]
          * (position - Double(below)) : sorted[below]
      return scaled(g, torchCoefficient(norm(g), limit))
    },
    ClipCase(overrides: [
      "clip.rule=zscore", "clip.warmup_steps=2", "clip.threshold=0.5", "clip.memory=0.8",
      "clip.max_norm=0.6",
    ]) {
      g, _, _, memory in
      let n = norm(g)
      guard memory.norms.count >= 2 else {
        memory.norms.append(n)
        if memory.norms.count == 2 {
          memory.mean = (memory.norms[0] + memory.norms[1]) / 2
          memory.variance =
            (memory.norms[0] - memory.norms[1]) * (memory.norms[0] - memory.norms[1]) / 4
        }
        return scaled(g, torchCoefficient(n, 0.6))
      }
      let deviation = memory.variance.squareRoot()
      let z = (n - memory.mean) / (deviation + 1e-6)
      var entered = n
      if z > 0.5 { entered = memory.mean + 0.5 * deviation / (z / 0.5) }
      memory.mean = 0.8 * memory.mean + 0.2 * entered
      memory.variance =
        0.8 * memory.variance + 0.2 * (entered - memory.mean) * (entered - memory.mean)
      let limit = min(entered, 0.6)
      return limit < n ? scaled(g, limit / (n + 1e-6)) : g
    },
    ClipCase(overrides: ["clip.rule=normalize", "clip.max_norm=2"]) { g, _, _, _ in
      scaled(g, 2 / (norm(g) + 1e-6))
    },
    ClipCase(overrides: ["clip.rule=ema", "clip.ratio=0.9", "clip.memory=0.6"]) { g, _, _, memory in
      let norms = g.map { norm($0) }
      if memory.tensorMeans.isEmpty { memory.tensorMeans = norms }
      let means = memory.tensorMeans
      memory.tensorMeans = norms.indices.map {
        0.6 * means[$0] + 0.4 * norms[$0] * torchCoefficient(norms[$0], 0.9 * means[$0])
      }
      return byFactors(g) { torchCoefficient(norms[$0], 0.9 * means[$0]) }
    },
    // Algorithm 1 of arXiv 2502.11034, one step of warm-up.
    ClipCase(overrides: [
      "clip.rule=adagc", "clip.ratio=0.8", "clip.memory=0.6", "clip.warmup_steps=1",
      "clip.max_norm=0.5",
    ]) { g, _, _, memory in
      let norms = g.map { norm($0) }
      guard !memory.tensorMeans.isEmpty else {
        let clipped = scaled(g, torchCoefficient(norm(g), 0.5))
        memory.tensorMeans = clipped.map { norm($0) }
        return clipped
      }
      let means = memory.tensorMeans
      memory.tensorMeans = norms.indices.map {
        0.6 * means[$0] + 0.4 * norms[$0] * torchCoefficient(norms[$0], 0.8 * means[$0])
      }
      return byFactors(g) { torchCoefficient(norms[$0], 0.8 * means[$0]) }
    },
    // The geometric update of arXiv 1905.03871, section 2.1, from the first norm on.
    ClipCase(overrides: ["clip.rule=quantile", "clip.quantile=0.3", "clip.rate=1"]) {
      g, _, _, memory in
      let n = norm(g)
      let limit = memory.mean == 0 ? n : memory.mean
      memory.mean = limit * exp(-((n <= limit ? 1 : 0) - 0.3))
      return n > limit ? scaled(g, torchCoefficient(n, limit)) : g
    },
    // The limit from Σ and Σ of squares of the last three norms.
    ClipCase(
      overrides: [
        "clip.rule=sigma", "clip.of=gradient", "clip.window=3", "clip.sigma_factor=0.2",
      ], sizes: [1, 0.5, 8, 2]
    ) { g, _, _, memory in
      let n = norm(g)
      defer { memory.norms.append(n) }
      let last = Array(memory.norms.suffix(3))
      guard last.count >= 2 else { return g }
      let mean = last.reduce(0, +) / Double(last.count)
      let square = last.reduce(0) { $0 + $1 * $1 } / Double(last.count)
      let limit = mean + 0.2 * (square - mean * mean).squareRoot()
      return n > limit ? scaled(g, torchCoefficient(n, limit)) : g
    },
  ]
}

/// Every clip rule inside the step: the weights after it, and the norm that is reported as applied,
/// against one process in Double.
let normRulesProgram = RankProgram("norm-rules") { world, _ in
  let cases = ClipCase.all.flatMap { rule in
    Oracle.cases(
      rule.overrides.joined(separator: " "), rule.overrides, modes: Oracle.modes.dropLast()
    ) { trainer, oracle, part in try check(rule, trainer, oracle, on: part) }
  }
  try run(cases, on: world)
}

private func check(
  _ rule: ClipCase, _ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator
) throws {
  var memory = ClipCase.NaiveMemory()
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
    let applied = rule.clip(gradient, before, oracle.shapes, &memory)
    try expectStep(
      oracle.weights(trainer), add(before, applied, times: -0.5), from: before, "step \(step + 1)")
    try expectClose(
      decision.applied, norm(applied), 4e-6, "step \(step + 1): the applied norm")
    let isClip =
      norm(applied) < norm(gradient) * (1 - 1e-5) || norm(applied) > norm(gradient) * (1 + 1e-5)
    clipped += isClip ? 1 : 0
    // Within Float32's rounding of the limit either may be right.
    if isClip {
      try expect(decision.action == .clip, "step \(step + 1) is \(decision.action), not a clip")
    }
  }
  try part.expectEqualReplicas(trainer)
  try expect(
    part.rank > 0 || clipped > 0 || rule.overrides == ["clip.rule=none"], "the rule never acted")
}

/// Norms of every order, global, by tensor and of groups, of gradients of any size; what the parts'
/// norms say of one another.
let normOrdersProgram = RankProgram("norm-orders") { world, _ in
  // By powers of two, which change no digit: 1e±30, and sizes at which a Float32 square would be
  // zero or infinite.
  let cases = [0, 100, -100].flatMap { exponent in
    Oracle.cases("2^\(exponent)", ["report.norms=[1, 3, 1.5, \"inf\", 2, 3, 8]"]) {
      trainer, oracle, part in
      try checkNorms(
        ofSize: Float(sign: .plus, exponent: exponent, significand: 1), trainer, oracle, on: part)
    }
  }
  try run(cases, on: world)
}

/// The orders, each with its norm by another way.
private let orders: [(order: NormOrder, norm: @Sendable ([Double]) -> Double)] = [
  (.one, { $0.reduce(0) { $0 + abs($1) } }), (.two, { norm($0) }),
  (.infinity, { $0.map(abs).max()! }),
  // (Σx⁸)^⅛, the squares of squares of squares.
  (
    .power(8),
    { values in
      let sum = values.reduce(0.0) { total, value in
        let fourth = value * value * value * value
        return total + fourth * fourth
      }
      return sum.squareRoot().squareRoot().squareRoot()
    }
  ),
  (.power(3), { cubeRoot($0.reduce(0) { $0 + abs($1 * $1 * $1) }) }),
  // |x|^1.5 is √|x|³; the sum's power 2/3 is the square of its cube root.
  (
    .power(1.5),
    {
      let root = cubeRoot($0.reduce(0) { $0 + abs($1) * abs($1).squareRoot() })
      return root * root
    }
  ),
]

private func checkNorms(
  ofSize size: Float, _ trainer: Trainer, _ oracle: Oracle, on part: borrowing Communicator
) throws {
  trainer.faults.changeGradient = { gradient, _ in gradient.scale(by: size) }
  let before = oracle.weights(trainer)
  let ledger = try trainer.step(on: part).ledger
  guard part.rank == 0 else { return }
  let parts = oracle.parts(ofStep: 0, at: before)
  let gradient = scaled(mean(parts), Double(size))
  for (order, truth) in orders {
    try expectClose(
      ledger.norm(order), truth(Array(gradient.joined())), 1e-6, "the norm \(order.name)")
    for tensor in gradient.indices {
      try expectClose(
        ledger.norm(order, of: [tensor]), truth(gradient[tensor]), 5e-6,
        "the norm \(order.name) of \(tensor)")
    }
    let group = [0, 3]
    try expectClose(
      ledger.norm(order, of: group), truth(group.flatMap { gradient[$0] }), 5e-6,
      "the norm \(order.name) of a group")
  }
  let squares =
    parts.reduce(0) { $0 + $1.count * product($1.gradient, $1.gradient) } / ledger.samples
    * Double(size) * Double(size)
  let mixed =
    parts.reduce(0) { $0 + $1.count * norm($1.gradient) } / ledger.samples * Double(size)
  try expectClose(ledger.localRMS, squares.squareRoot(), 1e-6, "√L")
  try expectClose(ledger.meanLocalNorm, mixed, 1e-6, "the mean of the parts' norms")
  try expect(
    ledger[.contributors] == Double(parts.count),
    "\(parts.count) parts were expected, \(ledger[.contributors]) counted")
  if parts.count > 1 {
    let ratio = squares / product(gradient, gradient)
    try expectClose(ledger.diversity, ratio, 2e-6, "the diversity")
    try expectClose(ledger.agreement, 1 / ratio, 2e-6, "the agreement")
  } else {
    try expect(ledger.diversity == nil && ledger.agreement == nil, "one part has no diversity")
  }
}

/// ∛x by Newton's rule, so that the test does not use the library's power function either.
private func cubeRoot(_ x: Double) -> Double {
  guard x > 0 else { return 0 }
  var root = Double(sign: .plus, exponent: Int((Double(x.exponent) / 3).rounded()), significand: 1)
  for _ in 0..<60 { root = (2 * root + x / (root * root)) / 3 }
  return root
}
