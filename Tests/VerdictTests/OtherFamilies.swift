import Data
import Glibc
import Models
import Vectors

// Models and data unlike those of the first development runs.

/// Rows (x, y) with y = 2·Σx + noise: x has the variances `scales` along axes that are no
/// coordinates, so that the Hessian of least squares, twice the covariance, is full. Its
/// eigenvalues are twice the scales.
struct Teacher: Dataset {
  let count: Int
  let scales: [Double]
  /// The standard deviation of the noise in y.
  let noise: Double
  let seed: UInt64

  var shape: SampleShape { SampleShape(inputs: scales.count, targets: 1) }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let width = scales.count
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, 501, UInt64(sample))
      let raw = scales.map { $0.squareRoot() * stream.gaussian() }
      // Householder's reflection at (1, …, 1).
      let shift = 2 * raw.reduce(0, +) / Double(width)
      var sum = 0.0
      for column in 0..<width {
        let value = raw[column] - shift
        batch.inputs[row * width + column] = Float(value)
        sum += value
      }
      batch.targets[row] = Float(2 * sum + (noise == 0 ? 0 : noise * stream.gaussian()))
    }
  }
}

/// Two half circles, one a class.
struct Moons: Dataset {
  let count: Int
  let noise: Double
  let seed: UInt64

  var shape: SampleShape { SampleShape(inputs: 2, labels: 1, classes: 2) }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, 502, UInt64(sample))
      let (label, angle) = (Int(sample) % 2, Double.pi * stream.unit())
      let (x, y) = label == 0 ? (cos(angle), sin(angle)) : (1 - cos(angle), 0.5 - sin(angle))
      batch.inputs[2 * row] = Float(x + noise * stream.gaussian())
      batch.inputs[2 * row + 1] = Float(y + noise * stream.gaussian())
      batch.labels[row] = Int32(label)
    }
  }
}

/// Images of a horizontal or vertical bar, with noise; a `share` of the labels is drawn at random.
struct Bars: Dataset {
  let count: Int
  let share: Double
  let seed: UInt64

  var shape: SampleShape {
    SampleShape(inputs: 64, labels: 1, classes: 2, image: SampleShape.Image(height: 8, width: 8))
  }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, 503, UInt64(sample))
      let (label, place) = (Int(sample) % 2, Int(stream.integer(below: 8)))
      for pixel in 0..<64 {
        let isBar = (label == 0 ? pixel / 8 : pixel % 8) == place
        batch.inputs[row * 64 + pixel] = Float(min(1, (isBar ? 0.8 : 0) + 0.2 * stream.unit()))
      }
      batch.labels[row] = stream.unit() < share ? Int32(stream.integer(below: 2)) : Int32(label)
    }
  }
}

/// Tokens that count upwards, modulo their number, from a random start: what a recurrent network
/// learns at once.
struct Counting: Dataset {
  let count: Int
  let vocabulary: Int
  let length: Int
  let seed: UInt64

  var shape: SampleShape { SampleShape(tokens: length, labels: length, classes: vocabulary) }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, 504, UInt64(sample))
      let start = Int(stream.integer(below: UInt64(vocabulary)))
      for place in 0..<length {
        batch.tokens[row * length + place] = Int32((start + place) % vocabulary)
        batch.labels[row * length + place] = Int32((start + place + 1) % vocabulary)
      }
    }
  }
}

/// A loss φ(wᵢ, xᵢ) summed over the weights, with its slope, for points of a ``Cloud``.
final class Curve: Model {
  /// The loss of one weight at one point, and its slope.
  typealias Shape = @Sendable (_ weight: Double, _ point: Double) -> (loss: Double, slope: Double)

  let layout: TensorLayout
  let shape: Shape
  let start: [Double]

  init(start: [Double], _ shape: @escaping Shape) {
    var layout = TensorLayout()
    layout.add("w", shape: [start.count])
    (self.layout, self.shape, self.start) = (layout, shape, start)
  }

  /// ¼(w² − 1)², whose saddle is 0 and whose minima have curvature 2.
  static let well: Shape = { weight, _ in
    ((weight * weight - 1) * (weight * weight - 1) / 4, weight * (weight * weight - 1))
  }
  /// |w − x|, whose slope never gets smaller.
  static let absolute: Shape = { weight, point in (abs(weight - point), weight > point ? 1 : -1) }
  /// √(1 + (w − x)²) − 1
  static let rounded: Shape = { weight, point in
    let root = (1 + (weight - point) * (weight - point)).squareRoot()
    return (root - 1, (weight - point) / root)
  }

  func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for (index, value) in start.enumerated() { weights.base[index] = Float(value) }
  }

  func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(!accumulate)
    gradient.setToZero()
    var sum = 0.0
    for row in 0..<batch.count {
      for index in start.indices {
        let (loss, slope) = shape(
          Double(weights.base[index]), Double(batch.inputs[row * start.count + index]))
        sum += loss
        gradient.base[index] += scale * Float(slope)
      }
    }
    finished(0, &gradient)
    return sum
  }

  func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    Evaluation()
  }
}

/// Rosenbrock's valley (1 − x)² + 100(y − x²)² from (−1.2, 1): a fall from 24 to 4 in some tens of
/// steps, and then a long way along the floor.
final class Valley: Model {
  let layout: TensorLayout

  init() {
    var layout = TensorLayout()
    layout.add("w", shape: [2])
    self.layout = layout
  }

  func initialize(_ weights: inout FlatVector, seed: UInt64) {
    (weights.base[0], weights.base[1]) = (-1.2, 1)
  }

  func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    let (x, y) = (Double(weights.base[0]), Double(weights.base[1]))
    let bend = y - x * x
    gradient.base[0] = scale * Float(batch.count) * Float(-2 * (1 - x) - 400 * x * bend)
    gradient.base[1] = scale * Float(batch.count) * Float(200 * bend)
    finished(0, &gradient)
    return Double(batch.count) * ((1 - x) * (1 - x) + 100 * bend * bend)
  }

  func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    Evaluation()
  }
}
