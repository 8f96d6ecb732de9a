import Data
import Glibc
import Models
import Vectors

// Losses of weights and one row of numbers, given by formulas, and their data.

/// A loss of weights and one row of numbers, with its gradient, given by formulas.
final class Formula: AnalyticModel {
  /// Returns the loss of one row, and adds its gradient to `slope`.
  typealias Body = @Sendable (_ w: [Double], _ x: [Double], _ slope: inout [Double]) -> Double

  let layout: TensorLayout
  let start: [Double]
  let width: Int
  let body: Body

  init(start: [Double], width: Int, _ body: @escaping Body) {
    layout = TensorLayout(vectorOf: start.count)
    (self.start, self.width, self.body) = (start, width, body)
  }

  func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(!accumulate)
    let w = start.indices.map { Double(weights.base[$0]) }
    var slope = [Double](repeating: 0, count: w.count)
    var x = [Double](repeating: 0, count: width)
    var sum = 0.0
    for row in 0..<batch.count {
      for column in 0..<width { x[column] = Double(batch.inputs[row * width + column]) }
      sum += body(w, x, &slope)
    }
    for index in w.indices { gradient.base[index] = Float(Double(scale) * slope[index]) }
    finished(0, &gradient)
    return sum
  }
}

/// Rows that a function makes from random numbers.
struct Draws: Dataset {
  let count: Int
  let width: Int
  let seed: UInt64
  /// Part of the random numbers' key.
  var purpose: UInt64? = 601
  let row: @Sendable (inout RandomStream) -> [Double]

  /// Points around the origin, the samples of a ``Curve``.
  static func cloud(count: Int, width: Int, spread: Double, seed: UInt64) -> Draws {
    Draws(count: count, width: width, seed: seed, purpose: nil) { stream in
      (0..<width).map { _ in spread == 0 ? 0 : spread * stream.gaussian() }
    }
  }

  var shape: SampleShape { SampleShape(inputs: width) }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (place, sample) in samples.enumerated() {
      var stream =
        purpose.map { RandomStream(seed, $0, UInt64(sample)) } ?? RandomStream(seed, UInt64(sample))
      for (column, value) in row(&stream).enumerated() {
        batch.inputs[place * width + column] = Float(value)
      }
    }
  }
}

extension Formula {
  /// −log softmax(w)[token]: the frequencies of tokens. At the minimum the loss is their entropy.
  static let frequencies: Body = { w, x, slope in
    let most = w.max()!
    let powers = w.map { exp($0 - most) }
    let sum = powers.reduce(0, +)
    let token = Int(x[0])
    for index in w.indices { slope[index] += powers[index] / sum - (index == token ? 1 : 0) }
    return log(sum) + most - w[token]
  }

  /// −log of the normal density with mean w₀ and deviation e^w₁: with a small deviation the loss is
  /// negative.
  static let density: Body = { w, x, slope in
    let z = (x[0] - w[0]) * exp(-w[1])
    slope[0] -= z * exp(-w[1])
    slope[1] += 1 - z * z
    return w[1] + 0.5 * z * z + 0.9189385
  }

  /// Poisson regression: e^s − y·s + log y! with s = w·x, the last of x being y.
  static let counts: Body = { w, x, slope in
    let s = w.indices.reduce(0) { $0 + w[$1] * x[$1] }
    let y = x[w.count]
    for index in w.indices { slope[index] += (exp(s) - y) * x[index] }
    return exp(s) - y * s + lgamma(y + 1)
  }

  /// ¼((w·x)² − y)²: the phase of a measurement is lost, and zero is a saddle.
  static let phase: Body = { w, x, slope in
    let s = w.indices.reduce(0) { $0 + w[$1] * x[$1] }
    let miss = s * s - x[w.count]
    for index in w.indices { slope[index] += miss * s * x[index] }
    return 0.25 * miss * miss
  }

  /// The hinge max(0, 1 − y·w·x) with a pull ½κ‖w‖².
  static func hinge(_ pull: Double) -> Body {
    { w, x, slope in
      let s = x[w.count] * w.indices.reduce(0) { $0 + w[$1] * x[$1] }
      for index in w.indices {
        slope[index] += pull * w[index] - (s < 1 ? x[w.count] * x[index] : 0)
      }
      return max(0, 1 - s) + 0.5 * pull * w.reduce(0) { $0 + $1 * $1 }
    }
  }

  /// ½‖uv − m‖² of two numbers: minima on a curve, of which the flattest has curvature 2m.
  static let product: Body = { w, x, slope in
    let miss = w[0] * w[1] - 1 - x[0]
    slope[0] += miss * w[1]
    slope[1] += miss * w[0]
    return 0.5 * miss * miss
  }

  /// log(1 + e^w) + log(1 + e^−w), with curvature ½ at the minimum and slopes below 1.
  static let soft: Body = { w, _, slope in
    var loss = 0.0
    for index in w.indices {
      loss += log1p(exp(-abs(w[index]))) * 2 + abs(w[index])
      slope[index] += tanh(w[index] / 2)
    }
    return loss - 2 * log(2) * Double(w.count)
  }

  /// ‖w − x‖, whose minimum is the geometric median.
  static let distance: Body = { w, x, slope in
    let size = w.indices.reduce(1e-12) { $0 + (w[$1] - x[$1]) * (w[$1] - x[$1]) }.squareRoot()
    for index in w.indices { slope[index] += (w[index] - x[index]) / size }
    return size
  }
}
