import BuiltInModels
import Data
import Glibc
import GradientNorms
import Models
import Optimizers
import Vectors

// Runs of losses given by formulas; each label follows from how the run is made.
extension LabelledRun {
  static var formulas: [LabelledRun] {
    tokens + densities + counts + phases + margins + products + medians + deep
  }

  private static func make(
    _ name: String, _ label: ConvergenceVerdict.Kind, _ model: Formula, _ data: Draws,
    rule: any OptimizerRule = .sgd(), rate: Double, steps: Int,
    ranks: Int, batch: Int?, clip: any ClipRule = .none, endsBelow: Double = -.infinity,
    factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
  ) -> LabelledRun {
    LabelledRun(
      name, label,
      SimulatedRun(
        model: model, data: data, rule: rule, rate: rate, factor: factor, steps: steps,
        ranks: ranks, batch: batch, clip: clip, seed: 1,
        endsBelow: endsBelow))
  }

  // Schedules: an exponential, restarts of a cosine, a slow start, one cycle up and down.
  private static func exponential(_ step: Int, _ steps: Int) -> Double {
    exp(-4 * Double(step) / Double(steps))
  }
  private static func restarts(_ step: Int, _ steps: Int) -> Double {
    0.5 * (1 + cos(.pi * Double(4 * step % steps) / Double(steps)))
  }
  private static func slowStart(_ step: Int, _ steps: Int) -> Double {
    min(1, Double(10 * step) / Double(steps))
  }
  private static func oneCycle(_ step: Int, _ steps: Int) -> Double {
    1 - abs(2 * Double(step) / Double(steps) - 1)
  }

  // MARK: Frequencies of eight tokens, of which the k-th is about half as likely as the one before

  private static var tokens: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, samples: Int = 1 << 20,
      rule: any OptimizerRule = .sgd(), rate: Double, steps: Int,
      ranks: Int, batch: Int? = 128, clip: any ClipRule = .none,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: samples, width: 1, seed: 201) {
        [Double(min(7, Int(-log2(max(1e-9, 1 - $0.unit())))))]
      }
      return make(
        "frequencies: \(name)", label,
        Formula(start: (0..<8).map { 0.5 * cos(Double(3 * $0)) }, width: 1, Formula.frequencies),
        data, rule: rule,
        rate: rate, steps: steps, ranks: ranks, batch: batch, clip: clip, factor: factor)
    }
    return [
      // The entropy is 1.4, its noise in a batch a fourteenth of that, and the slowest frequency,
      // 1/128, takes 128/rate steps, by when its part of the loss is below a hundredth.
      run("rest", .noiseFloor, rate: 1, steps: 4000, ranks: 1),
      run("rest, two ranks", .noiseFloor, rate: 2, steps: 3000, ranks: 2),
      run("rest, exponential", .noiseFloor, rate: 2, steps: 4000, ranks: 4, factor: exponential),
      run("rest, restarts", .noiseFloor, rate: 1, steps: 4000, ranks: 2, factor: restarts),
      run(
        "rest, normalized", .noiseFloor, rate: 0.1, steps: 3000, ranks: 1, clip: .normalize(norm: 1)
      ),
      run(
        "rest, AdamW", .noiseFloor, rule: .adamw(weightDecay: 0), rate: 0.01, steps: 3000, ranks: 4),
      // Of the fall from ln 8 = 2.08 to 1.4 a tenth and more.
      run("descent", .converging, rate: 0.2, steps: 60, ranks: 2),
      run("descent, one rank", .converging, rate: 0.05, steps: 200, ranks: 1),
      run("descent, slow start", .converging, rate: 0.1, steps: 40, ranks: 4, factor: slowStart),
      run("descent, momentum", .converging, rule: .momentum(), rate: 0.02, steps: 60, ranks: 1),
      run(
        "descent, clipped", .converging, rate: 1, steps: 100, ranks: 2, clip: .global(maxNorm: 0.01)
      ),
      run("all data", .converged, samples: 300, rate: 2, steps: 6000, ranks: 2, batch: nil),
      // η‖g‖²n is a ten-thousandth of the loss.
      run("too short", .tooShort, rate: 1e-4, steps: 12, ranks: 1),
      run("too short, 80 steps", .tooShort, rate: 1e-5, steps: 80, ranks: 4),
      run("still", .motionless, rate: 1e-13, steps: 60, ranks: 2, clip: .global(maxNorm: 1e-3)),
    ]
  }

  // MARK: A normal density of deviation 1/20: losses from 1 to −1.6

  private static var densities: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: [Double] = [1, 0],
      samples: Int = 1 << 20, rule: any OptimizerRule = .sgd(),
      rate: Double, steps: Int, ranks: Int, batch: Int? = 128,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: samples, width: 1, seed: 202) { [0.05 * $0.gaussian()] }
      return make(
        "density: \(name)", label, Formula(start: start, width: 1, Formula.density), data,
        rule: rule, rate: rate, steps: steps, ranks: ranks,
        batch: batch, factor: factor)
    }
    return [
      // The curvature at the minimum is 400 for the mean and 2 for the deviation.
      run("rest", .noiseFloor, start: [0.05, -2.9], rate: 5e-4, steps: 6000, ranks: 2),
      run("rest, one rank", .noiseFloor, start: [0, -3], rate: 1e-3, steps: 5000, ranks: 1),
      run(
        "rest, one cycle", .noiseFloor, start: [0.02, -2.9], rate: 1e-3, steps: 6000, ranks: 4,
        factor: oneCycle),
      run("descent", .converging, rate: 0.01, steps: 60, ranks: 2),
      run("descent, one rank", .converging, rate: 0.02, steps: 40, ranks: 1),
      run(
        "descent, AdamW", .converging, rule: .adamw(weightDecay: 0), rate: 0.02, steps: 80, ranks: 4
      ),
      run(
        "all data", .converged, start: [0.05, -2.9], samples: 200, rate: 1e-3, steps: 8000,
        ranks: 1, batch: nil),
      run("still", .motionless, rate: 1e-12, steps: 100, ranks: 1),
      // The mean's curvature is 400, so the rate may be 0.005 at most.
      run("over the edge", .diverged, start: [0.01, -3], rate: 0.5, steps: 200, ranks: 2),
    ]
  }

  // MARK: Poisson counts

  private static var counts: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double = 0, samples: Int = 1 << 20,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int? = 128, clip: any ClipRule = .none,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      // y is drawn from a Poisson distribution of mean e^s by counting exponential waits.
      let data = Draws(count: samples, width: 5, seed: 203) { stream in
        let x = [1.0] + (0..<3).map { _ in 2 * stream.unit() - 1 }
        let mean = exp(1 + 0.5 * x[1] - 0.5 * x[2] + 0.3 * x[3])
        var (waited, y) = (0.0, 0.0)
        while true {
          waited -= log(max(1e-12, 1 - stream.unit()))
          if waited > mean { return x + [y] }
          y += 1
        }
      }
      return make(
        "counts: \(name)", label,
        Formula(start: [Double](repeating: start, count: 4), width: 5, Formula.counts), data,
        rule: rule, rate: rate,
        steps: steps, ranks: ranks, batch: batch, clip: clip, factor: factor)
    }
    return [
      // Curvatures are about 3 and 1: five steps and more a time constant.
      run("rest", .noiseFloor, rate: 0.05, steps: 3000, ranks: 2),
      run(
        "rest, one rank, restarts", .noiseFloor, rate: 0.1, steps: 3000, ranks: 1, factor: restarts),
      run("rest, momentum", .noiseFloor, rule: .momentum(), rate: 0.005, steps: 3000, ranks: 4),
      run("descent", .converging, rate: 0.005, steps: 60, ranks: 1),
      run(
        "descent, exponential", .converging, rate: 0.005, steps: 120, ranks: 2, factor: exponential),
      run("descent, ten steps", .converging, rate: 0.03, steps: 10, ranks: 4, batch: 1024),
      run("all data", .converged, samples: 200, rate: 0.1, steps: 1500, ranks: 2, batch: nil),
      run("too short", .tooShort, rate: 1e-5, steps: 20, ranks: 2),
      run(
        "too short, AdamW", .tooShort, rule: .adamw(weightDecay: 0), rate: 1e-5, steps: 40, ranks: 1
      ),
      run("to infinity", .diverged, start: 1, rate: 5, steps: 60, ranks: 1),
      run("still", .motionless, start: 0.5, rate: 1e-12, steps: 300, ranks: 4),
    ]
  }

  // MARK: Phases

  private static var phases: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double, noise: Double = 0,
      rate: Double, steps: Int, ranks: Int,
      rule: any OptimizerRule = .sgd(), batch: Int = 128, endsBelow: Double = -.infinity
    ) -> LabelledRun {
      let data = Draws(count: 1 << 20, width: 4, seed: 204) { stream in
        let x = (0..<3).map { _ in stream.gaussian() }
        let s = 0.8 * x[0] - 0.6 * x[1]
        return x + [s * s + (noise == 0 ? 0 : noise * stream.gaussian())]
      }
      return make(
        "phases: \(name)", label,
        Formula(start: [start, -start, start / 2], width: 4, Formula.phase), data, rule: rule,
        rate: rate,
        steps: steps, ranks: ranks, batch: batch, endsBelow: endsBelow)
    }
    return [
      // From near the saddle: a plateau at ¾, and then a fall, in which the run ends.
      run(
        "saddle", .converging, start: 1e-3, rate: 0.05, steps: 5000, ranks: 2, batch: 1024,
        endsBelow: 0.1),
      run(
        "saddle, one rank", .converging, start: 1e-4, rate: 0.02, steps: 8000, ranks: 1,
        endsBelow: 0.1),
      run(
        "saddle, momentum", .converging, start: 1e-3, rate: 0.003, steps: 5000, ranks: 4,
        rule: .momentum(), endsBelow: 0.15),
      run("rest", .noiseFloor, start: 0.5, noise: 1, rate: 0.02, steps: 5000, ranks: 2),
      run("rest, one rank", .noiseFloor, start: 0.5, noise: 2, rate: 0.01, steps: 5000, ranks: 1),
      // Without noise all samples agree at the minimum.
      run("exact", .converged, start: 0.5, rate: 0.05, steps: 1500, ranks: 4),
    ]
  }

  // MARK: Margins

  private static var margins: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double = 0, gap: Double = 0.5,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int = 128, clip: any ClipRule = .none,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: 1 << 20, width: 4, seed: 205) { stream in
        let y = stream.unit() < 0.5 ? -1.0 : 1
        return (0..<3).map { _ in y * gap + stream.gaussian() } + [y]
      }
      return make(
        "margins: \(name)", label,
        Formula(start: [start, -start, start], width: 4, Formula.hinge(0.1)), data, rule: rule,
        rate: rate,
        steps: steps, ranks: ranks, batch: batch, clip: clip, factor: factor)
    }
    return [
      // The classes overlap; the pull's time constant is 10/rate steps at most.
      run("rest", .noiseFloor, rate: 0.1, steps: 4000, ranks: 4),
      run(
        "rest, one rank, one cycle", .noiseFloor, rate: 0.2, steps: 5000, ranks: 1, factor: oneCycle
      ),
      run(
        "rest, clipped", .noiseFloor, rate: 0.2, steps: 4000, ranks: 2, clip: .global(maxNorm: 0.05)
      ),
      run("descent", .converging, rate: 0.01, steps: 60, ranks: 1),
      run("descent from afar", .converging, start: 3, rate: 0.02, steps: 60, ranks: 2),
      run(
        "descent, clipped", .converging, start: 3, rate: 0.5, steps: 50, ranks: 4,
        clip: .global(maxNorm: 0.05)),
      run("descent, five steps", .converging, start: 5, rate: 0.3, steps: 5, ranks: 1, batch: 4096),
      run("too short", .tooShort, start: 1, rate: 1e-5, steps: 50, ranks: 1),
      run("too short, one step", .tooShort, rate: 0.1, steps: 1, ranks: 4),
    ]
  }

  // MARK: Products and soft corners, without noise

  private static var products: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, _ body: @escaping Formula.Body,
      start: [Double], noise: Double = 0,
      rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int,
      clip: any ClipRule = .none,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: 1 << 16, width: 1, seed: 206) {
        [noise == 0 ? 0 : noise * $0.gaussian()]
      }
      return make(
        name, label, Formula(start: start, width: 1, body), data, rule: rule, rate: rate,
        steps: steps, ranks: ranks, batch: 8, clip: clip,
        factor: factor)
    }
    return [
      run(
        "product: arrival", .converged, Formula.product, start: [1.5, 0.2], rate: 0.2, steps: 400,
        ranks: 1),
      run(
        "product: arrival, one cycle", .converged, Formula.product, start: [0.5, 0.4], rate: 0.4,
        steps: 600, ranks: 2, factor: oneCycle),
      run(
        "product: descent", .converging, Formula.product, start: [0.1, 0.2], rate: 0.05, steps: 40,
        ranks: 2),
      run(
        "product: descent, 7 steps", .converging, Formula.product, start: [2, 2], rate: 0.02,
        steps: 7, ranks: 1),
      // No minimum is flat enough for a rate above 1: the flattest has curvature 2.
      run(
        "product: two-cycle", .oscillating, Formula.product, start: [1.4, 0.5], rate: 1.05,
        steps: 400, ranks: 1),
      run(
        "product: to infinity", .diverged, Formula.product, start: [4, 3], rate: 0.8, steps: 40,
        ranks: 2),
      // Curvature ½ and slopes below 1: above the rate 4 it runs between two points.
      run(
        "soft: two-cycle", .oscillating, Formula.soft, start: [1, -2, 3], rate: 6, steps: 300,
        ranks: 2),
      run(
        "soft: two-cycle, one rank", .oscillating, Formula.soft, start: [4], rate: 9, steps: 80,
        ranks: 1),
      run(
        "soft: arrival", .converged, Formula.soft, start: [1, -2, 3], rate: 1, steps: 300, ranks: 4),
      run(
        "soft: descent", .converging, Formula.soft, start: [8, -9], rate: 0.1, steps: 50, ranks: 1),
      // Steps of one length, whatever the slope: back and forth over the minimum.
      run(
        "soft: steps of one length", .oscillating, Formula.soft, start: [1.05], rate: 0.1,
        steps: 100, ranks: 1, clip: .normalize(norm: 1)),
      run(
        "soft: steps of one length, two ranks", .oscillating, Formula.soft, start: [2.1], rate: 0.5,
        steps: 60, ranks: 2, clip: .normalize(norm: 1)),
      run(
        "soft: still", .motionless, Formula.soft, start: [2, -3], rate: 1e-10, steps: 40, ranks: 1),
    ]
  }

  // MARK: Geometric medians

  private static var medians: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double, rate: Double, steps: Int,
      ranks: Int, rule: any OptimizerRule = .sgd(),
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: 1 << 20, width: 3, seed: 207) { stream in
        (0..<3).map { _ in -log(max(1e-9, 1 - stream.unit())) }
      }
      return make(
        "median: \(name)", label,
        Formula(start: [start, start, start], width: 3, Formula.distance), data, rule: rule,
        rate: rate, steps: steps,
        ranks: ranks, batch: 64, factor: factor)
    }
    return [
      run("rest", .noiseFloor, start: 3, rate: 0.1, steps: 3000, ranks: 1),
      run(
        "rest, exponential", .noiseFloor, start: 0, rate: 0.3, steps: 3000, ranks: 2,
        factor: exponential),
      run("descent", .converging, start: 20, rate: 0.3, steps: 40, ranks: 4),
      run(
        "descent, AdamW", .converging, start: 10, rate: 0.05, steps: 80, ranks: 1,
        rule: .adamw(weightDecay: 0)),
      run("too short", .tooShort, start: 1, rate: 1e-4, steps: 25, ranks: 1),
    ]
  }

  // MARK: Deep sigmoid nets for regression

  private static var deep: [LabelledRun] {
    func run(_ name: String, layers: Int, rate: Double, steps: Int, ranks: Int) -> LabelledRun {
      LabelledRun(
        "deep regression: \(name)", .vanishing,
        SimulatedRun(
          model: Network.mlp(
            inputWidth: 6, hidden: [Int](repeating: 12, count: layers), outputWidth: 1,
            activation: .sigmoid, loss: .squaredError),
          data: Teacher(count: 1 << 20, scales: [1, 1, 1, 1, 1, 1], noise: 0.5, seed: 91),
          rate: rate, steps: steps, ranks: ranks, batch: 64,
          seed: 91))
    }
    return [
      run("ten layers", layers: 10, rate: 0.02, steps: 300, ranks: 1),
      run("fourteen layers", layers: 14, rate: 0.05, steps: 200, ranks: 2),
      run("eighteen layers", layers: 18, rate: 0.02, steps: 120, ranks: 4),
    ]
  }
}
