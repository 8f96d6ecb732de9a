import BuiltInModels
import Data
import GradientNorms
import Models
import Optimizers
import Vectors

// Development runs of common kinds: short, curved, interrupted by a plateau, noisy, clipped,
// motionless.
extension LabelledRun {
  static var development: [LabelledRun] {
    Variant.allCases.flatMap(\.runs) + short + curved + plateaus + ends + wide + still + divisions
  }

  /// A bowl of ten directions with curvatures from 1 to 1/condition.
  private static func bowl(
    _ name: String, _ label: ConvergenceVerdict.Kind, spread: Double = 1, condition: Double = 2,
    start: Double = 3, rate: Double, steps: Int,
    rule: any OptimizerRule = .sgd(), schedule: any Schedule = .constant,
    clip: any ClipRule = .none,
    ranks: Int = 2, batch: Int = 32, seed: UInt64 = 5
  ) -> LabelledRun {
    let curvatures = (0..<10).map { 1 - (1 - 1 / condition) * Double($0) / 9 }
    return LabelledRun(
      name, label,
      SimulatedRun(
        model: Curve.bowl(start: start, width: 10, Curve.quadratic(curvatures)),
        data: Draws.cloud(count: 1 << 20, width: 10, spread: spread, seed: seed),
        rule: rule, rate: rate, schedule: schedule, steps: steps, ranks: ranks, batch: batch,
        clip: clip, seed: seed))
  }

  private static func classifier(
    _ name: String, _ label: ConvergenceVerdict.Kind, hidden: [Int] = [], spread: Double = 1.5,
    flipped: Double = 0,
    rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, schedule: any Schedule = .constant,
    clip: any ClipRule = .none, ranks: Int = 2,
    batch: Int = 64, seed: UInt64 = 7, shrink: Float = 1, endsBelow: Double = -.infinity
  ) -> LabelledRun {
    var run = SimulatedRun(
      model: Network.mlp(inputWidth: 6, hidden: hidden, outputWidth: 4),
      data: NoisyLabels(
        clean: Blobs(classes: 4, dimensions: 6, samples: 1 << 20, spread: spread, seed: seed),
        share: flipped, seed: seed),
      rule: rule, rate: rate, schedule: schedule, steps: steps, ranks: ranks, batch: batch,
      clip: clip, seed: seed, endsBelow: endsBelow)
    if shrink != 1 {
      run.prepare = { weights in for index in 0..<weights.count { weights.base[index] *= shrink } }
    }
    return LabelledRun(name, label, run)
  }

  // MARK: Short runs

  private static var short: [LabelledRun] {
    [
      bowl("short: 1 step", .tooShort, rate: 0.1, steps: 1),
      bowl("short: 2 steps", .tooShort, rate: 0.1, steps: 2, ranks: 1),
      // A fall by a half and more without noise.
      bowl("short: 5 steps, clean", .converging, spread: 0, rate: 0.1, steps: 5),
      bowl(
        "short: 8 steps, clean", .converging, spread: 0, condition: 1, rate: 0.2, steps: 8, ranks: 1
      ),
      // The fall is a hundredth of one step's noise.
      bowl("short: 5 steps, crawling", .tooShort, rate: 1e-4, steps: 5),
      bowl("short: 10 steps, crawling", .tooShort, rate: 1e-4, steps: 10, ranks: 4),
      bowl("short: 40 steps, crawling", .tooShort, rate: 2e-5, steps: 40, ranks: 1),
      bowl("short: 100 steps, crawling", .tooShort, rate: 1e-5, steps: 100),
      // Two to four time constants: the loss falls by nine tenths, and its noise is a fiftieth of
      // that.
      bowl("short: 20 steps", .converging, rate: 0.05, steps: 20),
      bowl("short: 30 steps", .converging, rate: 0.05, steps: 30, ranks: 1),
      bowl("short: 100 steps", .converging, rate: 0.01, steps: 100, ranks: 4),
      // At the floor from the first step: 10 to 50 noisy values cannot show that they are level
      // within a twentieth.
      bowl("short: 10 steps at the floor", .tooShort, start: 0, rate: 0.1, steps: 10),
      bowl("short: 25 steps at the floor", .tooShort, start: 0, rate: 0.05, steps: 25, ranks: 1),
      bowl(
        "short: 50 steps at the floor", .tooShort, start: 0, rate: 0.1, steps: 50, ranks: 4,
        batch: 8),
      classifier("short: logistic, 5 steps", .tooShort, rate: 0.01, steps: 5),
      classifier("short: logistic, 30 steps", .tooShort, rate: 1e-4, steps: 30, ranks: 1),
      classifier(
        "short: Network, 40 steps of AdamW", .converging, hidden: [16], spread: 0.5, rule: .adamw(),
        rate: 0.01, steps: 40),
      classifier(
        "short: Network, 60 steps", .converging, hidden: [16], spread: 0.5, rate: 0.1, steps: 60,
        ranks: 4),
    ]
  }

  // MARK: Fast and curved falls

  private static var curved: [LabelledRun] {
    [
      bowl(
        "curved: 10 steps down to a hundredth", .converging, spread: 0, condition: 1, rate: 0.2,
        steps: 10),
      bowl("curved: 12 steps, fast", .converging, spread: 0, rate: 0.4, steps: 12, ranks: 1),
      bowl("curved: 24 steps", .converging, rate: 0.1, steps: 24, ranks: 1),
      bowl(
        "curved: ill-conditioned", .converging, spread: 0, condition: 1000, rate: 0.5, steps: 300),
      classifier(
        "curved: separable, 60 steps", .converging, hidden: [32], spread: 0.2, rule: .adamw(),
        rate: 0.02, steps: 60),
      classifier(
        "curved: separable, 150 steps, one rank", .converging, spread: 0.2, rate: 0.5, steps: 150,
        ranks: 1),
      classifier("curved: separable, 1000 steps", .converging, spread: 0.1, rate: 1, steps: 1000),
      classifier(
        "curved: separable, momentum", .converging, hidden: [16], spread: 0.3, rule: .momentum(),
        rate: 0.02, steps: 200),
    ]
  }

  // MARK: Plateaus that resume

  private static var plateaus: [LabelledRun] {
    // All weights near zero: a saddle, which the loss leaves late. The run ends in the fall.
    func plateau(
      _ name: String, hidden: [Int], shrink: Float, rate: Double, ranks: Int, below: Double
    ) -> LabelledRun {
      classifier(
        "plateau: \(name)", .converging, hidden: hidden, spread: 0.4, rate: rate, steps: 20_000,
        ranks: ranks, shrink: shrink,
        endsBelow: below)
    }
    return [
      plateau("two layers", hidden: [16], shrink: 0.01, rate: 0.1, ranks: 2, below: 0.5),
      plateau("two layers, one rank", hidden: [16], shrink: 0.003, rate: 0.1, ranks: 1, below: 0.3),
      plateau("three layers", hidden: [16, 16], shrink: 0.1, rate: 0.1, ranks: 4, below: 0.6),
      plateau(
        "three layers, slow", hidden: [16, 16], shrink: 0.2, rate: 0.02, ranks: 2, below: 0.4),
    ]
  }

  // MARK: Noisy labels, cosines, clips

  private static var ends: [LabelledRun] {
    [
      classifier("noisy labels: rest", .noiseFloor, flipped: 0.4, rate: 0.1, steps: 4000),
      classifier(
        "noisy labels: rest, one rank", .noiseFloor, flipped: 0.6, rate: 0.2, steps: 3000, ranks: 1),
      classifier(
        "noisy labels: Network", .noiseFloor, hidden: [16], flipped: 0.3, rule: .momentum(),
        rate: 0.02,
        steps: 4000, ranks: 4),
      classifier(
        "noisy labels: start", .converging, spread: 0.5, flipped: 0.2, rate: 0.05, steps: 60),
      classifier("noisy labels: all", .noiseFloor, flipped: 1, rate: 0.05, steps: 3000),
      bowl("cosine: rest", .noiseFloor, rate: 0.2, steps: 2000, schedule: .cosine()),
      bowl(
        "cosine: rest, one rank", .noiseFloor, rate: 0.1, steps: 3000, schedule: .cosine(), ranks: 1
      ),
      bowl("cosine: descent", .converging, rate: 0.005, steps: 500, schedule: .cosine(), ranks: 1),
      bowl(
        "cosine: warm-up, descent", .converging, rate: 0.01, steps: 300,
        schedule: .warmupCosine(warmupSteps: 50)),
      classifier(
        "cosine: start", .converging, hidden: [16], spread: 0.5, rate: 0.05, steps: 100,
        schedule: .cosine()),
      classifier(
        "cosine: rest, Adam", .noiseFloor, rule: .adamw(weightDecay: 0), rate: 0.01, steps: 3000,
        schedule: .cosine()),
      // The norm is 10 at first and 0.6 at the floor; every step is clipped.
      bowl("clipped: descent", .converging, rate: 1, steps: 100, clip: .global(maxNorm: 0.05)),
      bowl(
        "clipped: descent, one rank", .converging, rate: 0.5, steps: 300,
        clip: .global(maxNorm: 0.02), ranks: 1),
      bowl("clipped: rest", .noiseFloor, rate: 0.5, steps: 3000, clip: .global(maxNorm: 0.1)),
      bowl(
        "clipped: rest, one rank", .noiseFloor, rate: 0.3, steps: 4000, clip: .normalize(norm: 0.1),
        ranks: 1),
      classifier(
        "clipped: start", .converging, hidden: [16], spread: 0.5, rate: 1, steps: 100,
        clip: .global(maxNorm: 0.05)),
    ]
  }

  // MARK: Wide nets at rest under AdamW, whose updates are long and far from the direction of the
  // gradient

  private static var wide: [LabelledRun] {
    [1, 4].flatMap { ranks in
      [
        classifier(
          "wide: AdamW, \(ranks) ranks", .noiseFloor, hidden: [128], flipped: 0.4, rule: .adamw(),
          rate: 0.002, steps: 2500, ranks: ranks),
        classifier(
          "wide: momentum, \(ranks) ranks", .noiseFloor, hidden: [128], flipped: 0.4,
          rule: .momentum(), rate: 0.01, steps: 2500,
          ranks: ranks),
      ]
    }
  }

  // MARK: Motionless

  private static var still: [LabelledRun] {
    [
      bowl("still: rate 1e-12", .motionless, rate: 1e-12, steps: 200),
      bowl("still: rate 1e-10, one rank", .motionless, spread: 0, rate: 1e-10, steps: 50, ranks: 1),
      bowl(
        "still: clipped to nothing", .motionless, rate: 0.1, steps: 300,
        clip: .global(maxNorm: 1e-9), ranks: 4),
      classifier("still: logistic", .motionless, rate: 1e-12, steps: 500, ranks: 1),
      classifier(
        "still: Network, AdamW", .motionless, hidden: [16], rule: .adamw(), rate: 1e-12, steps: 20),
    ]
  }

  // MARK: Every rank count

  private static var divisions: [LabelledRun] {
    [1, 2, 3, 4, 8].flatMap { ranks in
      [
        bowl("\(ranks) ranks: rest", .noiseFloor, rate: 0.1, steps: 1500, ranks: ranks),
        bowl("\(ranks) ranks: descent", .converging, rate: 0.003, steps: 200, ranks: ranks),
        bowl(
          "\(ranks) ranks: overshoot", .oscillating, condition: 1, rate: 1.93, steps: 1200,
          ranks: ranks),
        bowl("\(ranks) ranks: crawl", .tooShort, rate: 1e-6, steps: 300, ranks: ranks),
        classifier(
          "\(ranks) ranks: noisy labels", .noiseFloor, flipped: 0.3, rate: 0.1, steps: 3000,
          ranks: ranks),
      ]
    }
  }
}
