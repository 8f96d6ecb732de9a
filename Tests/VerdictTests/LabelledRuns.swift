import BuiltInModels
import Data
import GradientNorms
import Models
import Optimizers

/// A run whose outcome follows from how it is made.
struct LabelledRun {
  let name: String
  let label: ConvergenceVerdict.Kind
  let run: SimulatedRun

  init(_ name: String, _ label: ConvergenceVerdict.Kind, _ run: SimulatedRun) {
    self.name = name
    self.label = label
    self.run = run
  }
}

/// Runs of one recipe with different seeds, sizes, rates, rank counts and lengths: part of the half
/// that the rules were written with.
enum Variant: CaseIterable {
  case first, second

  func pick<Value>(_ one: Value, _ other: Value) -> Value { self == .first ? one : other }
  var seed: UInt64 { pick(11, 4242) }
}

extension Variant {
  var runs: [LabelledRun] {
    cleanBowls + noisyBowls + lonelyRanks + classifiers + deepNets + faults
  }

  /// Curvatures from 1 down to 1/condition, so that 2 is the largest stable rate.
  private func curvatures(_ count: Int, condition: Double) -> [Double] {
    (0..<count).map { count == 1 ? 1 : 1 - (1 - 1 / condition) * Double($0) / Double(count - 1) }
  }

  // MARK: Bowls without noise

  private var cleanBowls: [LabelledRun] {
    let ranks = pick(2, 3)
    func bowl(
      _ name: String, _ label: ConvergenceVerdict.Kind, condition: Double = 5,
      shape: Curve.Shape? = nil, rule: any OptimizerRule = .sgd(),
      rate: Double, steps: Int, ranks one: Int? = nil, spread: Double = 0
    ) -> LabelledRun {
      let width = pick(10, 7)
      return LabelledRun(
        "clean \(name)", label,
        SimulatedRun(
          model: Curve.bowl(
            start: pick(3, -2), width: width,
            shape ?? Curve.quadratic(curvatures(width, condition: condition))),
          data: Draws.cloud(count: pick(24, 30), width: width, spread: spread, seed: seed),
          rule: rule, rate: rate, steps: steps,
          ranks: one ?? ranks, seed: seed))
    }
    return [
      // (1 − ηλ)ⁿ stays above 0.9.
      bowl("crawl", .converging, rate: pick(1e-4, 3e-4), steps: pick(800, 300)),
      // Between one and two time constants of the slowest direction.
      bowl("descent", .converging, rate: 0.05, steps: pick(120, 180)),
      bowl("few steps", .converging, rate: pick(0.05, 0.03), steps: 20),
      // More than 60 time constants.
      bowl("arrival", .converged, rate: pick(0.8, 1), steps: pick(500, 900)),
      bowl("long arrival", .converged, rate: 0.2, steps: 5000),
      bowl("arrival below the edge", .converged, rate: 1.9, steps: pick(400, 700)),
      // Each rank has different samples, and every step uses all: gradients differ, but there is no
      // noise.
      bowl(
        "arrival, samples differ", .converged, rate: pick(0.5, 0.7), steps: pick(400, 600),
        ranks: pick(4, 2), spread: 1),
      bowl("momentum arrival", .converged, rule: .momentum(), rate: pick(0.3, 0.2), steps: 600),
      // A weight that flips its sign for ever.
      bowl("edge", .oscillating, rate: 2, steps: pick(400, 250)),
      bowl("edge, one rank", .oscillating, rate: 2, steps: 300, ranks: 1),
      bowl(
        "walled, rate 3", .oscillating, shape: Curve.walled, rate: pick(3, 2.6),
        steps: pick(500, 3000)),
      bowl(
        "walled, rate 4, one rank", .oscillating, shape: Curve.walled, rate: pick(4, 3.5),
        steps: 200,
        ranks: 1),
      // The loss grows fivefold.
      bowl("creeping up", .diverging, condition: 1, rate: 2.02, steps: pick(40, 38)),
      bowl("over the edge", .diverged, rate: pick(2.1, 2.3), steps: 300),
      // Momentum μ is stable up to 2(1 + μ).
      bowl(
        "momentum over the edge", .diverged, rule: .momentum(), rate: 3.9, steps: pick(400, 600)),
      bowl("to infinity", .diverged, rate: pick(50, 1000), steps: pick(100, 60)),
      bowl("to infinity, long", .diverged, rate: pick(5, 8), steps: 5000, ranks: 1),
    ]
  }

  // MARK: Bowls with noise

  private func noisyBowl(
    _ name: String, _ label: ConvergenceVerdict.Kind, ranks: Int, width: Int? = nil,
    condition: Double = 2, rule: any OptimizerRule = .sgd(),
    start: Double? = nil, rate: Double, steps: Int, schedule: any Schedule = .constant,
    clip: any ClipRule = .none, hasUpdateNorms: Bool = true
  ) -> LabelledRun {
    let width = width ?? pick(12, 20)
    return LabelledRun(
      "noisy \(name)", label,
      SimulatedRun(
        model: Curve.bowl(
          start: start ?? pick(3, 2), width: width,
          Curve.quadratic(curvatures(width, condition: condition))),
        data: Draws.cloud(count: 1 << 20, width: width, spread: 1, seed: seed), rule: rule,
        rate: rate, schedule: schedule, steps: steps,
        ranks: ranks,
        batch: pick(32, 48), clip: clip, seed: seed, hasUpdateNorms: hasUpdateNorms))
  }

  private var noisyBowls: [LabelledRun] {
    let ranks = pick(4, 3)
    return [
      noisyBowl("crawl", .converging, ranks: ranks, rate: pick(1e-5, 2e-5), steps: 2000),
      // A step is less than half of what Float32 resolves.
      noisyBowl("hardly moving", .motionless, ranks: ranks, rate: 1e-8, steps: pick(1000, 400)),
      noisyBowl("few steps", .converging, ranks: ranks, rate: pick(0.05, 0.02), steps: 20),
      noisyBowl(
        "descent", .converging, ranks: ranks, rate: pick(0.002, 0.005), steps: pick(600, 250)),
      // At rest |G|² is ηλ/(2 − ηλ) of the noise: 0.05, 0.2, and 0.3 without and 5η/(1 − …) with
      // momentum.
      noisyBowl("rest", .noiseFloor, ranks: ranks, rate: pick(0.1, 0.05), steps: pick(2000, 3000)),
      noisyBowl("rest, long", .noiseFloor, ranks: pick(2, 8), rate: pick(0.3, 0.4), steps: 5000),
      noisyBowl(
        "rest, clipped", .noiseFloor, ranks: ranks, rate: 0.1, steps: 1500,
        clip: .global(maxNorm: pick(1, 2))),
      noisyBowl(
        "rest from the start", .noiseFloor, ranks: ranks, start: 0, rate: pick(0.05, 0.1),
        steps: pick(300, 1200)),
      // The rate ends at zero, where any loss is flat.
      noisyBowl(
        "descent, cosine", .converging, ranks: ranks, rate: pick(0.002, 0.005),
        steps: pick(1000, 400), schedule: .cosine()),
      noisyBowl(
        "rest, cosine", .noiseFloor, ranks: ranks, rate: pick(0.1, 0.2), steps: pick(2000, 1500),
        schedule: .cosine()),
      noisyBowl(
        "rest with momentum", .noiseFloor, ranks: ranks, rule: .momentum(), rate: pick(0.02, 0.05),
        steps: 1500),
      noisyBowl(
        "rest with Adam", .noiseFloor, ranks: ranks, rule: .adamw(weightDecay: 0),
        rate: pick(0.01, 0.02), steps: 2000),
      noisyBowl(
        "rest, updates untold", .noiseFloor, ranks: ranks, rate: 0.1, steps: pick(800, 1500),
        hasUpdateNorms: false),
      // ηλ = 1.9 … 1.95: |G|² is 19 … 39 times the noise.
      noisyBowl(
        "overshoot", .oscillating, ranks: ranks, condition: 1, rate: pick(1.9, 1.95),
        steps: pick(1000, 2500)),
      noisyBowl(
        "overshoot with momentum", .oscillating, ranks: ranks, condition: 1, rule: .momentum(),
        rate: 3.75, steps: pick(1500, 2500)),
      noisyBowl(
        "over the edge", .diverged, ranks: ranks, rate: pick(2.1, 2.2), steps: pick(200, 500)),
    ]
  }

  // MARK: One part a step

  private var lonelyRanks: [LabelledRun] {
    [
      noisyBowl(
        "descent, one rank", .converging, ranks: 1, rate: pick(0.002, 0.004), steps: pick(500, 300)),
      noisyBowl("few steps, one rank", .converging, ranks: 1, rate: 0.05, steps: pick(20, 25)),
      noisyBowl(
        "rest, one rank", .noiseFloor, ranks: 1, rate: pick(0.1, 0.05), steps: pick(1000, 4000)),
      noisyBowl(
        "rest from the start, one rank", .noiseFloor, ranks: 1, start: 0, rate: 0.05,
        steps: pick(500, 900)),
      noisyBowl(
        "overshoot, one rank", .oscillating, ranks: 1, width: 2, condition: 1, start: 0, rate: 1.95,
        steps: pick(1500, 2500)),
      noisyBowl("over the edge, one rank", .diverged, ranks: 1, rate: 2.1, steps: pick(300, 150)),
    ]
  }

  // MARK: Classifiers on blobs

  private var classifiers: [LabelledRun] {
    func classifier(
      _ name: String, _ label: ConvergenceVerdict.Kind, hidden: [Int] = [],
      loss: any Loss = .crossEntropy, samples: Int = 1 << 20,
      batch: Int? = 64,
      spread: Double = 1.5, rule: any OptimizerRule = .sgd(), rate: Double, steps: Int,
      ranks: Int? = nil
    ) -> LabelledRun {
      let (classes, width) = (pick(3, 4), pick(4, 5))
      return LabelledRun(
        (hidden.isEmpty ? "logistic " : "MLP ") + name, label,
        SimulatedRun(
          model: Network.mlp(inputWidth: width, hidden: hidden, outputWidth: classes, loss: loss),
          data: Blobs(
            classes: classes, dimensions: width, samples: samples, spread: spread, seed: seed),
          rule: rule, rate: rate,
          steps: steps,
          ranks: ranks ?? pick(4, 2), batch: batch, seed: seed))
    }
    let hidden = pick([16, 16], [24])
    return [
      // ηTn, the fall, is as large as its standard error, σ√(12/n).
      classifier("crawl", .tooShort, rate: pick(1e-5, 2e-5), steps: pick(1000, 500)),
      classifier("start", .converging, rate: 0.05, steps: pick(50, 30)),
      classifier("rest", .noiseFloor, rate: pick(0.2, 0.1), steps: pick(3000, 4000)),
      classifier("rest, one rank", .noiseFloor, rate: 0.1, steps: 2000, ranks: 1),
      classifier(
        "overlapping, all data", .converged, samples: pick(96, 160), batch: nil,
        rate: pick(0.3, 0.2), steps: 5000),
      classifier("much too fast", .oscillating, rate: pick(5, 8), steps: pick(600, 1000)),
      classifier("start", .converging, hidden: hidden, rate: pick(0.05, 0.1), steps: pick(60, 40)),
      classifier("crawl", .tooShort, hidden: hidden, rate: 1e-5, steps: pick(600, 900)),
      classifier(
        "rest with momentum", .noiseFloor, hidden: hidden, rule: .momentum(),
        rate: pick(0.02, 0.01), steps: pick(3000, 4000)),
      classifier(
        "to infinity", .diverged, hidden: hidden, loss: .squaredError, rule: .momentum(),
        rate: pick(20, 5), steps: pick(200, 100)),
    ]
  }

  // MARK: Deep nets

  private var deepNets: [LabelledRun] {
    func deep(
      _ name: String, _ label: ConvergenceVerdict.Kind, layers: Int, activation: Activation,
      steps: Int, rate: Double, ranks: Int = 2
    ) -> LabelledRun {
      let seed = seed
      var run = SimulatedRun(
        model: Network.mlp(
          inputWidth: 8, hidden: [Int](repeating: 16, count: layers), outputWidth: 4,
          activation: activation),
        data: Blobs(classes: 4, dimensions: 8, samples: 1 << 20, spread: 0.5, seed: seed),
        rate: rate, steps: steps, ranks: ranks,
        batch: 32,
        seed: seed)
      if activation == .relu { run.prepare = { $0.fillForReLU(seed: seed) } }
      return LabelledRun("deep \(name)", label, run)
    }
    return [
      deep(
        "sigmoid", .vanishing, layers: pick(10, 12), activation: .sigmoid, steps: pick(400, 300),
        rate: pick(0.1, 0.05)),
      deep(
        "sigmoid, deeper", .vanishing, layers: pick(16, 20), activation: .sigmoid,
        steps: pick(150, 200), rate: 0.1),
      deep(
        "sigmoid, one rank", .vanishing, layers: pick(12, 10), activation: .sigmoid, steps: 300,
        rate: pick(0.05, 0.1), ranks: 1),
      deep(
        "ReLU", .converging, layers: pick(10, 12), activation: .relu, steps: pick(60, 50),
        rate: 0.01),
    ]
  }

  // MARK: Faults

  private var faults: [LabelledRun] {
    let rest = noisyBowl("rest", .noiseFloor, ranks: 4, rate: 0.1, steps: 1000).run
    let descent = noisyBowl("descent", .converging, ranks: 4, rate: 0.005, steps: 200).run
    func poisoned(_ run: SimulatedRun, _ steps: @escaping (Int) -> Bool) -> SimulatedRun {
      var run = run
      run.poisoned = steps
      return run
    }
    return [
      LabelledRun("rest, last step NaN", .noiseFloor, poisoned(rest) { $0 == 1000 }),
      LabelledRun("descent, last two steps NaN", .converging, poisoned(descent) { $0 > 198 }),
      LabelledRun("rest, every seventh step NaN", .noiseFloor, poisoned(rest) { $0 % 7 == 0 }),
      LabelledRun("descent, NaN from step 150 on", .diverged, poisoned(descent) { $0 >= 150 }),
      LabelledRun("NaN from the first step on", .diverged, poisoned(descent) { _ in true }),
    ]
  }
}
