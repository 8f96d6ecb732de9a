/// Optimisers whose tensors are treated differently, as their papers define them, in Double. It
/// looks at no part of the library: what each tensor gets is written out by the test.
struct GroupOracle {
  /// What one tensor gets.
  struct Treatment {
    var decay: Double
    var rate = 1.0
    /// Tensors with equal numbers are clipped by one norm.
    var clip = 0
  }

  let kind: String
  let rate: Double
  /// The limit of each norm.
  let limit: Double
  /// λ of w ← (1 − rate·λ)·w.
  var decoupled = 0.0
  var treatments: [Treatment]
  let shapes: [[Int]]
  private var first: Tensors = []
  private var second: Tensors = []
  /// The steps of each tensor.
  private var steps: [Int] = []
  private var start: Tensors = []
  private var largest = 0.0
  private var squares = 0.0

  init(
    _ kind: String, rate: Double, limit: Double, _ treatments: [Treatment], shapes: [[Int]]
  ) {
    (self.kind, self.rate, self.limit) = (kind, rate, limit)
    (self.treatments, self.shapes) = (treatments, shapes)
  }

  /// Each norm's coefficient, PyTorch's, of the group's gradient by itself.
  func coefficient(ofClip clip: Int, _ gradient: Tensors) -> Double {
    torchCoefficient(norm(tensors(ofClip: clip).map { gradient[$0] }), limit)
  }

  private func tensors(ofClip clip: Int) -> [Int] {
    treatments.indices.filter { treatments[$0].clip == clip && treatments[$0].rate > 0 }
  }

  /// What is applied of a gradient: clipped, and nothing of frozen tensors.
  func applied(_ gradient: Tensors) -> Tensors {
    gradient.indices.map { tensor in
      let treatment = treatments[tensor]
      let factor = treatment.rate > 0 ? coefficient(ofClip: treatment.clip, gradient) : 0
      return gradient[tensor].map { factor * $0 }
    }
  }

  /// The learning rate of a step, and the weights after it.
  mutating func step(_ weights: Tensors, _ gradient: Tensors) -> (rate: Double, weights: Tensors) {
    if steps.isEmpty {
      (first, second, start) = (zeros(weights), zeros(weights), weights)
      steps = weights.map { _ in 0 }
      largest = 1e-6 * (1 + norm(weights))
    }
    let g = applied(gradient)
    var base = rate
    if kind == "dog" {
      largest = max(largest, norm(add(weights, start, times: -1)))
      squares += product(g, g)
      base *= largest / (squares + 1e-8).squareRoot()
    }
    var new = weights
    for tensor in weights.indices where treatments[tensor].rate > 0 {
      steps[tensor] += 1
      let lr = base * treatments[tensor].rate
      let w = weights[tensor].map { $0 * (1 - lr * decoupled) }
      new[tensor] = update(tensor, w, g[tensor], lr, treatments[tensor].decay)
    }
    return (base, new)
  }

  private mutating func update(
    _ tensor: Int, _ w: [Double], _ g: [Double], _ lr: Double, _ decay: Double
  ) -> [Double] {
    switch kind {
    case "sgd", "dog":
      return zip(w, g).map { $0 - lr * ($1 + decay * $0) }
    case "momentum", "lars":
      var ratio = 1.0
      if kind == "lars" && shapes[tensor].count > 1 {
        ratio = 0.05 * norm(w) / (norm(g) + decay * norm(w))
      }
      for i in w.indices {
        first[tensor][i] = 0.9 * first[tensor][i] + ratio * (g[i] + decay * w[i])
      }
      return zip(w, first[tensor]).map { $0 - lr * $1 }
    case "adamw":
      let u = adam(tensor, g)
      return w.indices.map { w[$0] - lr * decay * w[$0] - lr * u[$0] }
    case "lamb":
      let u = zip(adam(tensor, g), w).map { $0 + decay * $1 }
      let ratio = shapes[tensor].count > 1 ? norm(w) / norm(u) : 1
      return zip(w, u).map { $0 - lr * ratio * $1 }
    default: fatalError("no such optimiser here: \(kind)")
    }
  }

  /// m̂ / (√ŝ + 0.1); an epsilon of that size keeps the rounding of small elements small.
  private mutating func adam(_ tensor: Int, _ g: [Double]) -> [Double] {
    var (power1, power2) = (1.0, 1.0)
    for _ in 0..<steps[tensor] { (power1, power2) = (power1 * 0.9, power2 * 0.999) }
    return g.indices.map { i in
      first[tensor][i] = 0.9 * first[tensor][i] + 0.1 * g[i]
      second[tensor][i] = 0.999 * second[tensor][i] + 0.001 * g[i] * g[i]
      return first[tensor][i] / (1 - power1)
        / ((second[tensor][i] / (1 - power2)).squareRoot() + 0.1)
    }
  }
}
