import BuiltInModels
import Data
import GradientNorms
import Models
import Optimizers
import Vectors

// Other models, other data, other schedules than the first development runs have; labels follow
// from how a run is made.
extension LabelledRun {
  static var others: [LabelledRun] {
    regressions + recurrent + images + centroids + curves + valleys + moons + deepTanh
  }

  // MARK: Least squares with a full Hessian, eigenvalues 2 … 2/condition, and 2 for the bias

  private static func regression(
    _ name: String, _ label: ConvergenceVerdict.Kind, width: Int = 8, condition: Double = 2,
    noise: Double = 1, samples: Int = 1 << 20,
    rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int, batch: Int? = 128,
    clip: any ClipRule = .none,
    factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
  ) -> LabelledRun {
    let scales = (0..<width).map {
      1 - (1 - 1 / condition) * Double($0) / Double(max(1, width - 1))
    }
    return LabelledRun(
      "regression: \(name)", label,
      SimulatedRun(
        model: Network.mlp(inputWidth: width, hidden: [], outputWidth: 1, loss: .squaredError),
        data: Teacher(count: samples, scales: scales, noise: noise, seed: 77), rule: rule,
        rate: rate, factor: factor, steps: steps,
        ranks: ranks, batch: batch, clip: clip, seed: 9))
  }

  // Schedules that the product does not have.
  private static func linear(_ step: Int, _ steps: Int) -> Double {
    1 - Double(step - 1) / Double(steps)
  }
  private static func drops(_ step: Int, _ steps: Int) -> Double {
    5 * step < 3 * steps ? 1 : 5 * step < 4 * steps ? 0.1 : 0.01
  }
  private static func inverseRoot(_ step: Int, _ steps: Int) -> Double {
    1 / Double(step).squareRoot()
  }
  private static func cycles(_ step: Int, _ steps: Int) -> Double {
    0.2 + 0.8 * abs(Double(step % 100) / 50 - 1)
  }

  private static var regressions: [LabelledRun] {
    [
      // The loss has the time constant condition/(4·rate); the runs last 10 to 100 of them and
      // more. The noise of a step's loss, an eighth of it, is averaged over thousands of steps.
      regression("rest, one rank", .noiseFloor, rate: 0.05, steps: 5000, ranks: 1),
      regression("rest, two ranks", .noiseFloor, rate: 0.1, steps: 4000, ranks: 2),
      regression("rest, four ranks", .noiseFloor, rate: 0.02, steps: 6000, ranks: 4),
      regression(
        "rest, linear decay", .noiseFloor, rate: 0.1, steps: 6000, ranks: 2, factor: linear),
      regression("rest, drops", .noiseFloor, rate: 0.1, steps: 6000, ranks: 1, factor: drops),
      regression(
        "rest, inverse root", .noiseFloor, rate: 0.3, steps: 5000, ranks: 4, factor: inverseRoot),
      regression("rest, cycles", .noiseFloor, rate: 0.1, steps: 5000, ranks: 1, factor: cycles),
      regression(
        "rest, momentum", .noiseFloor, rule: .momentum(), rate: 0.01, steps: 5000, ranks: 2),
      regression(
        "rest, AdamW", .noiseFloor, rule: .adamw(weightDecay: 0), rate: 0.02, steps: 5000, ranks: 1),
      regression(
        "rest, clipped by percentile", .noiseFloor, rate: 0.1, steps: 5000, ranks: 2,
        clip: .percentile(percent: 20, window: 50)),
      // A half to three time constants.
      regression("descent, one rank", .converging, rate: 0.01, steps: 50, ranks: 1),
      regression("descent, two ranks", .converging, rate: 0.003, steps: 200, ranks: 2),
      regression("descent, four ranks", .converging, rate: 0.001, steps: 600, ranks: 4),
      regression("descent, ten steps", .converging, rate: 0.05, steps: 10, ranks: 2),
      regression(
        "descent, five steps", .converging, noise: 0, rate: 0.1, steps: 5, ranks: 1, batch: 2048),
      regression(
        "descent, linear decay", .converging, rate: 0.01, steps: 100, ranks: 1, factor: linear),
      regression("descent, drops", .converging, rate: 0.004, steps: 150, ranks: 2, factor: drops),
      regression(
        "descent, AdamW", .converging, rule: .adamw(weightDecay: 0), rate: 0.02, steps: 80, ranks: 4
      ),
      // The norm is 8 at first; every step is clipped, and 100 of them go half of the way of 5.7.
      regression(
        "descent, clipped", .converging, rate: 1, steps: 100, ranks: 1, clip: .global(maxNorm: 0.03)
      ),
      regression(
        "descent, normalized", .converging, rate: 0.1, steps: 200, ranks: 2,
        clip: .normalize(norm: 0.15)),
      // All the data in each step, for 100 time constants and more: the rest of the loss is the
      // noise of the data.
      regression("arrival", .converged, samples: 64, rate: 0.3, steps: 400, ranks: 1, batch: nil),
      regression(
        "arrival, three ranks", .converged, samples: 90, rate: 0.2, steps: 700, ranks: 3, batch: nil
      ),
      regression(
        "arrival, momentum", .converged, samples: 64, rule: .momentum(), rate: 0.05, steps: 900,
        ranks: 2, batch: nil),
      regression(
        "arrival, linear decay", .converged, samples: 64, rate: 0.4, steps: 500, ranks: 4,
        batch: nil, factor: linear),
      // Targets without noise: batches agree at the minimum, and their noise vanishes with the
      // loss.
      regression("arrival, interpolated", .converged, noise: 0, rate: 0.1, steps: 1000, ranks: 2),
      regression(
        "arrival, interpolated, one rank", .converged, noise: 0, rate: 0.2, steps: 800, ranks: 1),
      // ηλ = 1.8 to 1.9: at rest |G|² is 9 and more times the noise.
      regression(
        "overshoot", .oscillating, width: 6, condition: 1, rate: 0.9, steps: 1500, ranks: 2,
        batch: 512),
      regression(
        "overshoot, one rank", .oscillating, width: 6, condition: 1, rate: 0.92, steps: 1500,
        ranks: 1, batch: 512),
      regression(
        "overshoot, four ranks", .oscillating, width: 4, condition: 1, rate: 0.9, steps: 1000,
        ranks: 4, batch: 256),
      // ηλ = 2.4 and more.
      regression("over the edge", .diverged, rate: 1.2, steps: 100, ranks: 1),
      regression(
        "over the edge, momentum", .diverged, rule: .momentum(), rate: 2.5, steps: 150, ranks: 2),
      regression("to infinity", .diverged, rate: 30, steps: 80, ranks: 4),
      // Full batches of much data: the largest eigenvalue is 2.0 to 2.2, and (1 − ηλ)²ⁿ grows a few
      // times.
      regression(
        "creeping up", .diverging, width: 3, condition: 1, noise: 0, samples: 20_000, rate: 1.04,
        steps: 14, ranks: 1, batch: nil),
      // η‖g‖²n is a thousandth of the loss and its noise, at 64 samples, a fifth.
      regression("too short, 10 steps", .tooShort, rate: 3e-6, steps: 10, ranks: 1, batch: 64),
      regression("too short, 30 steps", .tooShort, rate: 3e-6, steps: 30, ranks: 2, batch: 64),
      regression("too short, 100 steps", .tooShort, rate: 2e-6, steps: 100, ranks: 4, batch: 64),
      regression("too short, 2 steps", .tooShort, rate: 0.1, steps: 2, ranks: 2),
      regression(
        "too short, 60 steps of AdamW", .tooShort, rule: .adamw(weightDecay: 0), rate: 1e-5,
        steps: 60, ranks: 1, batch: 64),
      regression("still", .motionless, rate: 1e-11, steps: 100, ranks: 1),
      regression(
        "still, clipped by layer", .motionless, rate: 0.1, steps: 300, ranks: 2,
        clip: .perLayer(maxNorm: 1e-11, budget: .uniform)),
      regression(
        "still, momentum", .motionless, rule: .momentum(), rate: 1e-12, steps: 40, ranks: 4),
      regression(
        "still, the rate is zero", .motionless, rate: 0.1, steps: 60, ranks: 1,
        factor: { _, _ in 0 }),
    ]
  }

  // MARK: Recurrent networks and a transformer

  private static var recurrent: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, _ model: any Model, _ data: any Dataset,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int = 32, clip: any ClipRule = .none
    ) -> LabelledRun {
      LabelledRun(
        "tokens: \(name)", label,
        SimulatedRun(
          model: model, data: data, rule: rule, rate: rate, steps: steps, ranks: ranks,
          batch: batch, clip: clip, seed: 31))
    }
    func elman() -> Network {
      Network.recurrent(.elman, vocabulary: 6, context: 6, embedding: 8, hidden: 8)
    }
    func lstm() -> Network {
      Network.recurrent(.lstm, vocabulary: 6, context: 6, embedding: 8, hidden: 8)
    }
    func gpt() -> Network { Network.gpt(vocabulary: 6, context: 6, layers: 1, heads: 2, width: 8) }
    let random = RandomText(tokens: 1 << 21, vocabulary: 6, context: 6, seed: 31)
    let counting = Counting(count: 1 << 20, vocabulary: 6, length: 6, seed: 31)
    return [
      // Nothing can be learned but that all tokens are equally likely: the loss is ln 6 and its
      // noise, from a few hundred steps on.
      run("noise, Elman", .noiseFloor, elman(), random, rate: 0.2, steps: 2000, ranks: 1),
      run(
        "noise, LSTM", .noiseFloor, lstm(), random, rule: .adamw(), rate: 0.005, steps: 2000,
        ranks: 2),
      run(
        "noise, GPT", .noiseFloor, gpt(), random, rule: .adamw(), rate: 0.003, steps: 1500, ranks: 4
      ),
      // The last token determines the next.
      run("counting, Elman", .converging, elman(), counting, rate: 0.3, steps: 60, ranks: 2),
      run(
        "counting, LSTM", .converging, lstm(), counting, rule: .adamw(), rate: 0.01, steps: 60,
        ranks: 1),
      run(
        "counting, GPT", .converging, gpt(), counting, rule: .adamw(), rate: 0.01, steps: 40,
        ranks: 4),
      run(
        "counting, Elman, clipped", .converging, elman(), counting, rate: 1, steps: 100, ranks: 1,
        clip: .global(maxNorm: 0.05)),
      run("counting, LSTM, still", .motionless, lstm(), counting, rate: 1e-12, steps: 50, ranks: 1),
      run(
        "counting, Elman, too short", .tooShort, elman(), counting, rate: 1e-4, steps: 8, ranks: 2,
        batch: 8),
      run(
        "noise, GPT, too short", .tooShort, gpt(), random, rule: .adamw(), rate: 1e-6, steps: 20,
        ranks: 1, batch: 4),
    ]
  }

  // MARK: Convolutions and autoencoders

  private static var images: [LabelledRun] {
    func cnn(
      _ name: String, _ label: ConvergenceVerdict.Kind, share: Double,
      rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int
    ) -> LabelledRun {
      let image = SampleShape.Image(height: 8, width: 8)
      return LabelledRun(
        "images: \(name)", label,
        SimulatedRun(
          model: Network.cnn(image: image, classes: 2, channels: [4], width: 8),
          data: Bars(count: 1 << 20, share: share, seed: 13), rule: rule,
          rate: rate, steps: steps, ranks: ranks, batch: 32, seed: 13))
    }
    func vae(_ name: String, _ label: ConvergenceVerdict.Kind, rate: Double, steps: Int, ranks: Int)
      -> LabelledRun
    {
      LabelledRun(
        "images: \(name)", label,
        SimulatedRun(
          model: try! VAE(
            image: SampleShape.Image(height: 8, width: 8), hidden: 16, latent: 2, seed: 3),
          data: Bars(count: 1 << 20, share: 0, seed: 17), rule: .adamw(), rate: rate, steps: steps,
          ranks: ranks, batch: 32, seed: 17))
    }
    return [
      cnn("labels are noise", .noiseFloor, share: 1, rate: 0.05, steps: 1500, ranks: 2),
      cnn(
        "labels are noise, one rank", .noiseFloor, share: 1, rule: .momentum(), rate: 0.01,
        steps: 1500, ranks: 1),
      cnn("bars", .converging, share: 0, rule: .adamw(), rate: 0.01, steps: 40, ranks: 1),
      cnn(
        "bars, momentum", .converging, share: 0, rule: .momentum(), rate: 0.05, steps: 60, ranks: 4),
      cnn("bars, too short", .tooShort, share: 0, rate: 1e-4, steps: 15, ranks: 2),
      vae("autoencoder", .converging, rate: 0.003, steps: 60, ranks: 2),
      vae("autoencoder, one rank", .converging, rate: 0.01, steps: 30, ranks: 1),
      vae("autoencoder, still", .motionless, rate: 1e-12, steps: 30, ranks: 1),
    ]
  }

  // MARK: Centroids

  private static var centroids: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, samples: Int = 1 << 20, rate: Double,
      steps: Int, ranks: Int, batch: Int?,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      LabelledRun(
        "k-means: \(name)", label,
        SimulatedRun(
          model: KMeans(clusters: 4, inputs: 3),
          data: Blobs(classes: 4, dimensions: 3, samples: samples, spread: 0.5, seed: 23),
          rate: rate,
          factor: factor, steps: steps, ranks: ranks, batch: batch, seed: 23))
    }
    return [
      // Lloyd's iteration ends after finitely many assignments; then every step goes a fraction of
      // the rest.
      run("all data", .converged, samples: 200, rate: 1, steps: 400, ranks: 1, batch: nil),
      run(
        "all data, two ranks", .converged, samples: 300, rate: 1.5, steps: 500, ranks: 2, batch: nil
      ),
      run(
        "all data, start", .converging, samples: 300, rate: 0.05, steps: 20, ranks: 2, batch: nil),
      run("batches", .noiseFloor, rate: 0.5, steps: 3000, ranks: 1, batch: 64),
      run("batches, four ranks", .noiseFloor, rate: 0.2, steps: 3000, ranks: 4, batch: 64),
      run(
        "batches, linear decay", .noiseFloor, rate: 0.5, steps: 4000, ranks: 2, batch: 64,
        factor: linear),
      run("batches, start", .converging, rate: 0.05, steps: 40, ranks: 1, batch: 64),
    ]
  }

  // MARK: Single curves

  private static var curves: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, _ shape: @escaping Curve.Shape,
      start: [Double], spread: Double = 0,
      rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int, batch: Int = 32,
      endsBelow: Double = -.infinity,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      LabelledRun(
        "curve: \(name)", label,
        SimulatedRun(
          model: Curve(start: start, shape),
          data: Draws.cloud(count: 1 << 20, width: start.count, spread: spread, seed: 41),
          rule: rule,
          rate: rate, factor: factor, steps: steps, ranks: ranks, batch: batch, seed: 41,
          endsBelow: endsBelow))
    }
    let many = [Double](repeating: 0, count: 8)
    return [
      // From near the saddle w grows by the rate a step: a plateau of 50 to 300 steps, and then a
      // fall, in which the run ends.
      run(
        "saddle", .converging, Curve.well, start: [0.001], rate: 0.05, steps: 4000, ranks: 1,
        endsBelow: 0.1),
      run(
        "saddle, two", .converging, Curve.well, start: [0.01, 1e-4], rate: 0.1, steps: 4000,
        ranks: 2, endsBelow: 0.1),
      run(
        "saddle, momentum", .converging, Curve.well, start: [1e-4], rule: .momentum(), rate: 0.01,
        steps: 4000, ranks: 1, endsBelow: 0.15),
      run("well", .converged, Curve.well, start: [0.3, -0.5], rate: 0.2, steps: 500, ranks: 2),
      // Beyond 2/λ = 1 the minimum repels, and w runs between two values.
      run(
        "well, two-cycle", .oscillating, Curve.well, start: [0.3, -0.5], rate: 1.15, steps: 300,
        ranks: 1),
      // Slope 1 and a constant rate: w ends between two values, one on either side of the minimum.
      run(
        "absolute, two-cycle", .oscillating, Curve.absolute, start: [1.03, -0.97], rate: 0.1,
        steps: 200, ranks: 1),
      run(
        "absolute, two-cycle, two ranks", .oscillating, Curve.absolute, start: [2.01], rate: 0.3,
        steps: 100, ranks: 2),
      run(
        "absolute, descent", .converging, Curve.absolute, start: [5, -4], rate: 0.01, steps: 200,
        ranks: 1),
      // Medians: the slope of a sample never gets smaller, the mean's does.
      run(
        "medians, rest", .noiseFloor, Curve.absolute, start: [2, 1, 0, -1, -2, 3, -3, 0], spread: 1,
        rate: 0.05, steps: 3000, ranks: 2),
      run(
        "medians, rest, one rank", .noiseFloor, Curve.absolute, start: many, spread: 1, rate: 0.1,
        steps: 2000, ranks: 1),
      run(
        "medians, inverse root", .noiseFloor, Curve.absolute, start: many, spread: 2, rate: 0.5,
        steps: 3000, ranks: 4, factor: inverseRoot),
      run(
        "medians, descent", .converging, Curve.absolute, start: many.map { $0 + 6 }, spread: 1,
        rate: 0.02, steps: 100, ranks: 4),
      run(
        "rounded, rest", .noiseFloor, Curve.rounded, start: many.map { $0 + 2 }, spread: 1,
        rate: 0.2, steps: 2500, ranks: 1),
      run(
        "rounded, descent", .converging, Curve.rounded, start: many.map { $0 + 5 }, spread: 1,
        rate: 0.05, steps: 60, ranks: 2),
      run(
        "rounded, too short", .tooShort, Curve.rounded, start: many.map { $0 + 2 }, spread: 3,
        rate: 1e-4, steps: 50, ranks: 1, batch: 8),
      run(
        "rounded, still", .motionless, Curve.rounded, start: many.map { $0 + 3 }, rate: 1e-9,
        steps: 200, ranks: 2),
    ]
  }

  // MARK: A valley

  private static var valleys: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, rule: any OptimizerRule = .sgd(),
      rate: Double, steps: Int, ranks: Int
    ) -> LabelledRun {
      LabelledRun(
        "valley: \(name)", label,
        SimulatedRun(
          model: Valley(), data: Draws.cloud(count: 64, width: 2, spread: 0, seed: 1), rule: rule,
          rate: rate, steps: steps, ranks: ranks,
          batch: 4))
    }
    return [
      // The minimum is some ten thousand steps away.
      run("along the floor", .converging, rate: 0.001, steps: 1500, ranks: 1),
      run(
        "along the floor, momentum", .converging, rule: .momentum(), rate: 2e-4, steps: 600,
        ranks: 2),
      run("down the wall", .converging, rate: 1e-4, steps: 60, ranks: 1),
      // λ is 1330 at the start.
      run("over the edge", .diverged, rate: 0.01, steps: 50, ranks: 2),
    ]
  }

  // MARK: Moons

  private static var moons: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, hidden: [Int], noise: Double = 0.1,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int = 64,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      LabelledRun(
        "moons: \(name)", label,
        SimulatedRun(
          model: Network.mlp(inputWidth: 2, hidden: hidden, outputWidth: 2, activation: .tanh),
          data: Moons(count: 1 << 20, noise: noise, seed: 61),
          rule: rule, rate: rate, factor: factor, steps: steps, ranks: ranks, batch: batch, seed: 61
        ))
    }
    return [
      // A line cannot part them: the minimum of the logistic loss is well inside, and 100 time
      // constants away at most.
      run(
        "line, rest", .noiseFloor, hidden: [], noise: 0.5, rate: 0.5, steps: 4000, ranks: 2,
        batch: 128),
      run(
        "line, rest, one rank, drops", .noiseFloor, hidden: [], noise: 0.5, rate: 0.5, steps: 5000,
        ranks: 1, batch: 128, factor: drops),
      run("line, start", .converging, hidden: [], rate: 0.05, steps: 60, ranks: 4),
      run(
        "curve, start", .converging, hidden: [12], rule: .adamw(), rate: 0.02, steps: 60, ranks: 1),
      run(
        "curve, separable", .converging, hidden: [12], noise: 0.02, rule: .adamw(), rate: 0.02,
        steps: 400, ranks: 2),
      run("curve, too short", .tooShort, hidden: [12], rate: 1e-4, steps: 12, ranks: 1, batch: 16),
      run(
        "curve, still", .motionless, hidden: [12], rule: .adamw(), rate: 1e-13, steps: 100, ranks: 4
      ),
    ]
  }

  // MARK: Deep nets of tanh, whose small weights shrink the signal about threefold in each layer

  private static var deepTanh: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, layers: Int, shrink: Float, rate: Double,
      steps: Int, ranks: Int
    ) -> LabelledRun {
      var run = SimulatedRun(
        model: Network.mlp(
          inputWidth: 2, hidden: [Int](repeating: 10, count: layers), outputWidth: 2,
          activation: .tanh),
        data: Moons(count: 1 << 20, noise: 0.2, seed: 71), rate: rate, steps: steps, ranks: ranks,
        batch: 32, seed: 71)
      run.prepare = { weights in for index in 0..<weights.count { weights.base[index] *= shrink } }
      return LabelledRun("deep tanh: \(name)", label, run)
    }
    return [
      run("twelve layers", .vanishing, layers: 12, shrink: 0.5, rate: 0.05, steps: 300, ranks: 1),
      run("sixteen layers", .vanishing, layers: 16, shrink: 0.7, rate: 0.05, steps: 200, ranks: 2),
      run(
        "ten layers, four ranks", .vanishing, layers: 10, shrink: 0.4, rate: 0.1, steps: 150,
        ranks: 4),
    ]
  }
}
