import BuiltInModels
import Data
import Glibc
import GradientNorms
import Models
import Optimizers
import Vectors

// The half that is used once, when the rules are finished. Its losses, its data and its schedules
// occur in no other set; labels follow from how a run is made.
extension LabelledRun {
  static var heldOut: [LabelledRun] {
    rankings + waits + mixtures + locations + corners + chains + deepBars
  }

  // Schedules: halved ten times, a polynomial, a hyperbola, up and down in three triangles.
  private static func halved(_ step: Int, _ steps: Int) -> Double {
    pow(0.5, Double(10 * (step - 1) / steps))
  }
  private static func polynomial(_ step: Int, _ steps: Int) -> Double {
    pow(1 - Double(step - 1) / Double(steps), 2)
  }
  private static func hyperbola(_ step: Int, _ steps: Int) -> Double {
    1 / (1 + 10 * Double(step) / Double(steps))
  }
  private static func triangles(_ step: Int, _ steps: Int) -> Double {
    let place = (3 * Double(step) / Double(steps)).truncatingRemainder(dividingBy: 1)
    return 0.1 + 0.9 * (1 - abs(2 * place - 1))
  }

  private static func make(
    _ name: String, _ label: ConvergenceVerdict.Kind, _ body: @escaping Formula.Body,
    start: [Double], _ data: Draws,
    rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int, batch: Int?,
    clip: any ClipRule = .none,
    endsBelow: Double = -.infinity, factor: @escaping (Int, Int) -> Double
  ) -> LabelledRun {
    LabelledRun(
      name, label,
      SimulatedRun(
        model: Formula(start: start, width: data.width, body), data: data, rule: rule, rate: rate,
        factor: factor, steps: steps, ranks: ranks,
        batch: batch, clip: clip, seed: 1, endsBelow: endsBelow))
  }

  // MARK: Who wins: strengths of six players from pairs

  private static var rankings: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind,
      start: [Double] = [2, -1, 1, -2, 0.5, -1.5], samples: Int = 1 << 20,
      rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int, batch: Int? = 128,
      clip: any ClipRule = .none,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: samples, width: 2, seed: 301) { stream in
        let first = Int(stream.integer(below: 6))
        let second = (first + 1 + Int(stream.integer(below: 5))) % 6
        let isFirst = stream.unit() < 1 / (1 + exp(0.4 * Double(second - first)))
        return isFirst ? [Double(first), Double(second)] : [Double(second), Double(first)]
      }
      return make(
        "ranking: \(name)", label,
        { w, x, slope in
          let (winner, loser) = (Int(x[0]), Int(x[1]))
          let lead = w[winner] - w[loser]
          let miss = 1 / (1 + exp(lead))
          slope[winner] -= miss
          slope[loser] += miss
          return log1p(exp(-lead))
        }, start: start, data, rule: rule, rate: rate, steps: steps, ranks: ranks, batch: batch,
        clip: clip, factor: factor)
    }
    return [
      // The curvature is about 0.08: 6 to 12 steps a time constant, and a batch's loss is 0.6 ±
      // 0.045.
      run("rest", .noiseFloor, rate: 2, steps: 3000, ranks: 2),
      run(
        "rest, one rank, polynomial", .noiseFloor, rate: 2, steps: 4000, ranks: 1,
        factor: polynomial),
      run("rest, momentum", .noiseFloor, rule: .momentum(), rate: 0.1, steps: 3000, ranks: 4),
      // From strengths the wrong way round, one to two time constants.
      run("descent", .converging, rate: 0.3, steps: 60, ranks: 1),
      run("descent, halved", .converging, rate: 0.5, steps: 60, ranks: 4, factor: halved),
      run(
        "descent, clipped", .converging, rate: 1, steps: 80, ranks: 2, clip: .global(maxNorm: 0.02)),
      run("all data", .converged, samples: 2000, rate: 4, steps: 1200, ranks: 2, batch: nil),
      // η‖g‖²n is some 10⁻⁵ of the loss, whose noise is a twentieth.
      run("too short", .tooShort, rate: 1e-5, steps: 40, ranks: 1),
      run("too short, two ranks", .tooShort, rate: 1e-4, steps: 7, ranks: 2),
      run("still", .motionless, rate: 1e-12, steps: 80, ranks: 1),
    ]
  }

  // MARK: Waits with an exponential distribution of mean e: its logarithm is to be found, and the
  // loss there is 2 ± 0.09

  private static var waits: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double = 4, samples: Int = 1 << 20,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int? = 128, clip: any ClipRule = .none,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: samples, width: 1, seed: 302) {
        [-M_E * log(max(1e-12, 1 - $0.unit()))]
      }
      return make(
        "waits: \(name)", label,
        { w, x, slope in
          let part = x[0] * exp(-w[0])
          slope[0] += 1 - part
          return part + w[0]
        }, start: [start], data, rule: rule, rate: rate, steps: steps, ranks: ranks, batch: batch,
        clip: clip, factor: factor)
    }
    return [
      // The curvature at the minimum is 1.
      run("rest", .noiseFloor, rate: 0.1, steps: 2500, ranks: 1),
      run("rest, triangles", .noiseFloor, rate: 0.2, steps: 3000, ranks: 4, factor: triangles),
      run("rest, hyperbola", .noiseFloor, rate: 0.3, steps: 3000, ranks: 2, factor: hyperbola),
      run(
        "rest, AdamW", .noiseFloor, rule: .adamw(weightDecay: 0), rate: 0.01, steps: 3500, ranks: 1),
      // From 4 the way down is 3 long with a slope near 1, and these go a fifth to a half of it.
      run("descent", .converging, rate: 0.05, steps: 30, ranks: 2),
      run("descent, one rank", .converging, rate: 0.01, steps: 100, ranks: 1),
      run("descent, five steps", .converging, rate: 0.2, steps: 5, ranks: 4, batch: 1024),
      run(
        "descent, clipped", .converging, rate: 1, steps: 60, ranks: 1, clip: .global(maxNorm: 0.02)),
      run("descent, polynomial", .converging, rate: 0.1, steps: 40, ranks: 2, factor: polynomial),
      run("all data", .converged, samples: 300, rate: 0.3, steps: 400, ranks: 4, batch: nil),
      run("too short", .tooShort, rate: 1e-5, steps: 30, ranks: 1),
      run("too short, two steps", .tooShort, rate: 0.1, steps: 2, ranks: 2),
      run(
        "still, clipped", .motionless, rate: 0.1, steps: 200, ranks: 2,
        clip: .global(maxNorm: 1e-10)),
    ]
  }

  // MARK: Two clusters at −2 and 2, of which one number is sought; zero is a saddle

  private static var mixtures: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double, samples: Int = 1 << 20,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int? = 128, endsBelow: Double = -.infinity,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: samples, width: 1, seed: 303) { stream in
        [(stream.unit() < 0.5 ? -2 : 2) + stream.gaussian()]
      }
      return make(
        "mixture: \(name)", label,
        { w, x, slope in
          // −log of ½N(x; w, 1) + ½N(x; −w, 1)
          let product = w[0] * x[0]
          slope[0] += w[0] - x[0] * tanh(product)
          let squares = x[0] * x[0] + w[0] * w[0]
          return 0.5 * squares + 1.6120857 - abs(product) - log1p(exp(-2 * abs(product)))
        }, start: [start], data, rule: rule, rate: rate, steps: steps, ranks: ranks, batch: batch,
        endsBelow: endsBelow, factor: factor)
    }
    return [
      // w grows by 4·rate a step from near zero: a plateau at 3.4, and then a fall towards 2.1,
      // within which the run ends. Noise is 0.09.
      run(
        "saddle", .converging, start: 0.01, rate: 0.02, steps: 3000, ranks: 2, batch: 512,
        endsBelow: 2.5),
      run(
        "saddle, one rank", .converging, start: 0.003, rate: 0.005, steps: 6000, ranks: 1,
        batch: 512, endsBelow: 2.5),
      run(
        "saddle, momentum", .converging, start: 0.01, rule: .momentum(), rate: 0.001, steps: 4000,
        ranks: 4, batch: 512, endsBelow: 2.5),
      run("rest", .noiseFloor, start: 1, rate: 0.1, steps: 2500, ranks: 4),
      run(
        "rest, one rank, halved", .noiseFloor, start: 1, rate: 0.2, steps: 2500, ranks: 1,
        factor: halved),
      run(
        "all data", .converged, start: 1, samples: 400, rate: 0.3, steps: 500, ranks: 1, batch: nil),
      run("too short", .tooShort, start: 0.3, rate: 1e-5, steps: 100, ranks: 2),
      run("still", .motionless, start: 0.5, rate: 0.1, steps: 50, ranks: 1, factor: { _, _ in 0 }),
    ]
  }

  // MARK: Locations by Student's density, in four directions

  private static var locations: [LabelledRun] {
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, start: Double, samples: Int = 1 << 20,
      rule: any OptimizerRule = .sgd(), rate: Double,
      steps: Int, ranks: Int, batch: Int? = 64,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      let data = Draws(count: samples, width: 4, seed: 304) { stream in
        (0..<4).map { _ in stream.gaussian() }
      }
      return make(
        "location: \(name)", label,
        { w, x, slope in
          w.indices.reduce(0) { sum, index in
            let z = w[index] - x[index]
            slope[index] += 4 * z / (3 + z * z)
            return sum + 2 * log1p(z * z / 3)
          }
        }, start: [start, -start, start / 2, start], data, rule: rule, rate: rate, steps: steps,
        ranks: ranks, batch: batch, factor: factor)
    }
    return [
      run("rest", .noiseFloor, start: 2, rate: 0.1, steps: 3000, ranks: 1),
      run(
        "rest, four ranks, triangles", .noiseFloor, start: 1, rate: 0.1, steps: 4000, ranks: 4,
        factor: triangles),
      run("rest from the start", .noiseFloor, start: 0, rate: 0.05, steps: 3000, ranks: 2),
      run("descent", .converging, start: 4, rate: 0.03, steps: 60, ranks: 4),
      run(
        "descent, AdamW", .converging, start: 5, rule: .adamw(weightDecay: 0), rate: 0.02,
        steps: 100, ranks: 1),
      run(
        "descent, hyperbola", .converging, start: 3, rate: 0.1, steps: 40, ranks: 2,
        factor: hyperbola),
      run(
        "all data", .converged, start: 2, samples: 256, rate: 0.3, steps: 400, ranks: 2, batch: nil),
      run("too short", .tooShort, start: 2, rate: 1e-5, steps: 60, ranks: 1),
      run("too short at the floor", .tooShort, start: 0, rate: 0.1, steps: 12, ranks: 4),
    ]
  }

  // MARK: Curves without noise

  private static var corners: [LabelledRun] {
    /// 1 − cos w: a bowl of curvature 1, a hill of the same, and slopes of 1 at most.
    let wave: Formula.Body = { w, _, slope in
      w.indices.reduce(0) { sum, index in
        slope[index] += sin(w[index])
        return sum + 1 - cos(w[index])
      }
    }
    /// |w|^1.5, which has no curvature at zero that any rate is small against.
    let cusp: Formula.Body = { w, _, slope in
      w.indices.reduce(0) { sum, index in
        slope[index] += 1.5 * abs(w[index]).squareRoot() * (w[index] < 0 ? -1 : 1)
        return sum + pow(abs(w[index]), 1.5)
      }
    }
    /// ½w² + ¼w⁴, steeper the further out.
    let steep: Formula.Body = { w, _, slope in
      w.indices.reduce(0) { sum, index in
        let square = w[index] * w[index]
        slope[index] += w[index] * (1 + square)
        return sum + 0.5 * square + 0.25 * square * square
      }
    }
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, _ body: @escaping Formula.Body,
      start: [Double], rule: any OptimizerRule = .sgd(),
      rate: Double, steps: Int, ranks: Int, clip: any ClipRule = .none,
      endsBelow: Double = -.infinity,
      factor: @escaping (Int, Int) -> Double = { _, _ in 1 }
    ) -> LabelledRun {
      make(
        name, label, body, start: start, Draws(count: 64, width: 1, seed: 1) { _ in [0] },
        rule: rule, rate: rate, steps: steps, ranks: ranks,
        batch: 8, clip: clip, endsBelow: endsBelow, factor: factor)
    }
    return [
      run("wave: two-cycle", .oscillating, wave, start: [0.8], rate: 2.5, steps: 200, ranks: 1),
      run(
        "wave: two-cycle, two ranks", .oscillating, wave, start: [1, 2], rate: 3, steps: 400,
        ranks: 2),
      run(
        "wave: steps of one length", .oscillating, wave, start: [1.05], rate: 0.3, steps: 120,
        ranks: 4, clip: .normalize(norm: 1)),
      run("cusp", .oscillating, cusp, start: [1], rate: 0.3, steps: 300, ranks: 1),
      run("cusp, four ranks", .oscillating, cusp, start: [2, -1], rate: 0.5, steps: 150, ranks: 4),
      run("wave: arrival", .converged, wave, start: [1, -2], rate: 0.5, steps: 200, ranks: 2),
      run(
        "steep: arrival, polynomial", .converged, steep, start: [1, -0.5], rate: 0.5, steps: 300,
        ranks: 1, factor: polynomial),
      // From the hill: a plateau at 2, and then a fall, in which the run ends.
      run(
        "wave: hill", .converging, wave, start: [3.13], rate: 0.1, steps: 1000, ranks: 1,
        endsBelow: 0.8),
      run(
        "wave: hill, two ranks", .converging, wave, start: [3.1415], rate: 0.05, steps: 2000,
        ranks: 2, endsBelow: 0.5),
      run("steep: descent", .converging, steep, start: [2, -3], rate: 0.01, steps: 40, ranks: 4),
      run("cusp: descent, six steps", .converging, cusp, start: [5], rate: 0.1, steps: 6, ranks: 1),
      run("steep: descent, fast", .converging, steep, start: [3], rate: 0.08, steps: 12, ranks: 2),
      // (ηλ − 1)²ⁿ = 1.02⁹⁰ = 5.9.
      run("steep: creeping up", .diverging, steep, start: [0.001], rate: 2.02, steps: 45, ranks: 1),
      run("steep: over the edge", .diverged, steep, start: [0.5], rate: 2.2, steps: 100, ranks: 2),
      run("steep: at once", .diverged, steep, start: [5], rate: 1, steps: 30, ranks: 1),
      run("wave: still", .motionless, wave, start: [1, 2], rate: 1e-11, steps: 60, ranks: 2),
    ]
  }

  // MARK: A chain of tokens: the next is one more in 76 of 100 cases, so that the entropy is 0.884

  private static var chains: [LabelledRun] {
    struct Chain: Dataset {
      let count = 1 << 20
      let seed: UInt64 = 305
      var shape: SampleShape { SampleShape(tokens: 6, labels: 6, classes: 5) }

      func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
        for (row, sample) in samples.enumerated() {
          var stream = RandomStream(seed, UInt64(sample))
          var token = Int32(stream.integer(below: 5))
          for place in 0..<6 {
            batch.tokens[row * 6 + place] = token
            token = stream.unit() < 0.7 ? (token + 1) % 5 : Int32(stream.integer(below: 5))
            batch.labels[row * 6 + place] = token
          }
        }
      }
    }
    func run(
      _ name: String, _ label: ConvergenceVerdict.Kind, _ model: any Model,
      rule: any OptimizerRule = .sgd(), rate: Double, steps: Int, ranks: Int,
      batch: Int = 32
    ) -> LabelledRun {
      LabelledRun(
        "chain: \(name)", label,
        SimulatedRun(
          model: model, data: Chain(), rule: rule, rate: rate, steps: steps, ranks: ranks,
          batch: batch, seed: 51))
    }
    func elman() -> Network {
      Network.recurrent(.elman, vocabulary: 5, context: 6, embedding: 6, hidden: 10)
    }
    func lstm() -> Network {
      Network.recurrent(.lstm, vocabulary: 5, context: 6, embedding: 6, hidden: 10)
    }
    func gpt() -> Network { Network.gpt(vocabulary: 5, context: 6, layers: 1, heads: 1, width: 8) }
    return [
      run("Elman, rest", .noiseFloor, elman(), rate: 0.3, steps: 3000, ranks: 2),
      run("LSTM, rest", .noiseFloor, lstm(), rule: .adamw(), rate: 0.01, steps: 3000, ranks: 1),
      run("Elman, start", .converging, elman(), rate: 0.3, steps: 40, ranks: 1),
      run("LSTM, start", .converging, lstm(), rule: .adamw(), rate: 0.01, steps: 50, ranks: 4),
      run("GPT, start", .converging, gpt(), rule: .adamw(), rate: 0.01, steps: 40, ranks: 2),
      run(
        "GPT, too short", .tooShort, gpt(), rule: .adamw(), rate: 1e-6, steps: 20, ranks: 1,
        batch: 4),
      run("LSTM, still", .motionless, lstm(), rate: 1e-13, steps: 30, ranks: 4),
    ]
  }

  // MARK: Deep sigmoid nets on images

  private static var deepBars: [LabelledRun] {
    func run(_ name: String, layers: Int, rate: Double, steps: Int, ranks: Int) -> LabelledRun {
      LabelledRun(
        "deep bars: \(name)", .vanishing,
        SimulatedRun(
          model: Network.mlp(
            inputWidth: 64, hidden: [Int](repeating: 14, count: layers), outputWidth: 2,
            activation: .sigmoid),
          data: Bars(count: 1 << 20, share: 0, seed: 19), rate: rate, steps: steps, ranks: ranks,
          batch: 32, seed: 19))
    }
    return [
      run("eleven layers", layers: 11, rate: 0.05, steps: 250, ranks: 2),
      run("thirteen layers", layers: 13, rate: 0.1, steps: 150, ranks: 1),
      run("seventeen layers", layers: 17, rate: 0.05, steps: 100, ranks: 4),
    ]
  }
}
