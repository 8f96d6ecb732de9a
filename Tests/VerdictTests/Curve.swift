import Glibc
import Models
import Vectors

/// A loss Σ φᵢ(wᵢ, xᵢ) over the weights, with its slopes: the mean over samples x of a cloud.
final class Curve: AnalyticModel {
  /// The loss of one weight at one point, and its slope.
  typealias Shape =
    @Sendable (_ index: Int, _ weight: Double, _ point: Double) -> (
      loss: Double, slope: Double
    )

  let layout: TensorLayout
  let shape: Shape
  let start: [Double]

  init(start: [Double], _ shape: @escaping Shape) {
    (layout, self.shape, self.start) = (TensorLayout(vectorOf: start.count), shape, start)
  }

  /// A loss with one minimum, known exactly: Σ φ(wᵢ − xᵢ) from weights of one size, no two alike.
  static func bowl(start: Double, width: Int, _ shape: @escaping Shape) -> Curve {
    Curve(start: (0..<width).map { start * (1 + 0.1 * Double($0) / Double(width)) }, shape)
  }

  /// ½λᵢu²: gradient descent converges below the rate 2/λ, oscillates for ever at it, and diverges
  /// above.
  static func quadratic(_ curvatures: [Double]) -> Shape {
    { index, weight, point in
      let distance = weight - point
      return (0.5 * curvatures[index] * distance * distance, curvatures[index] * distance)
    }
  }
  /// log cosh u: curvature 1 at the minimum, and flat walls, so that a rate above 2 oscillates for
  /// ever between two points.
  static let walled: Shape = { _, weight, point in
    let distance = weight - point
    return (abs(distance) + log1p(exp(-2 * abs(distance))) - log(2), tanh(distance))
  }
  /// ¼(w² − 1)², whose saddle is 0 and whose minima have curvature 2.
  static let well: Shape = { _, weight, _ in
    ((weight * weight - 1) * (weight * weight - 1) / 4, weight * (weight * weight - 1))
  }
  /// |w − x|, whose slope never gets smaller.
  static let absolute: Shape = { _, weight, point in
    (abs(weight - point), weight > point ? 1 : -1)
  }
  /// √(1 + (w − x)²) − 1
  static let rounded: Shape = { _, weight, point in
    let root = (1 + (weight - point) * (weight - point)).squareRoot()
    return (root - 1, (weight - point) / root)
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
          index, Double(weights.base[index]), Double(batch.inputs[row * start.count + index]))
        sum += loss
        gradient.base[index] += scale * Float(slope)
      }
    }
    finished(0, &gradient)
    return sum
  }
}
