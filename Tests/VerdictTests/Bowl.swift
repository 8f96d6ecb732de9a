import Data
import Glibc
import Models
import Vectors

/// A loss with one minimum, known exactly: the mean over samples x of Σ φ(wᵢ − xᵢ), in one tensor.
final class Bowl: Model {
  enum Shape {
    /// φ = ½λᵢu²: gradient descent converges below the rate 2/λ, oscillates for ever at it, and
    /// diverges above.
    case quadratic
    /// φ = log cosh u: curvature 1 at the minimum, and flat walls, so that a rate above 2
    /// oscillates for ever between two points.
    case walled
  }

  let layout: TensorLayout
  let curvatures: [Double]
  let shape: Shape
  /// Where every weight starts.
  let start: Double

  init(curvatures: [Double], shape: Shape = .quadratic, start: Double) {
    var layout = TensorLayout()
    layout.add("w", shape: [curvatures.count])
    self.layout = layout
    self.curvatures = curvatures
    self.shape = shape
    self.start = start
  }

  var inputWidth: Int { curvatures.count }

  func initialize(_ weights: inout FlatVector, seed: UInt64) {
    // No two alike, and all of one size.
    for index in curvatures.indices {
      weights.base[index] = Float(start * (1 + 0.1 * Double(index) / Double(curvatures.count)))
    }
  }

  func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(!accumulate)
    gradient.setToZero()
    var loss = 0.0
    for row in 0..<batch.count {
      for index in curvatures.indices {
        let distance = Double(weights.base[index]) - Double(batch.inputs[row * inputWidth + index])
        switch shape {
        case .quadratic:
          loss += 0.5 * curvatures[index] * distance * distance
          gradient.base[index] += scale * Float(curvatures[index] * distance)
        case .walled:
          loss += abs(distance) + log1p(exp(-2 * abs(distance))) - log(2)
          gradient.base[index] += scale * Float(tanh(distance))
        }
      }
    }
    finished(0, &gradient)
    return loss
  }

  func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    Evaluation()
  }
}

/// Points around the origin, each a function of (seed, index): the samples of a ``Bowl``.
struct Cloud: Dataset {
  let count: Int
  let inputWidth: Int
  var shape: SampleShape { SampleShape(inputs: inputWidth) }
  let spread: Double
  let seed: UInt64

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, UInt64(sample))
      for column in 0..<inputWidth {
        batch.inputs[row * inputWidth + column] =
          spread == 0 ? 0 : Float(spread * stream.gaussian())
      }
    }
  }
}
