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
