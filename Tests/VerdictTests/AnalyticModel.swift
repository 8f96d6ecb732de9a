import Models
import Vectors

/// A loss given by formulas, of weights in one tensor that start at fixed values.
protocol AnalyticModel: Model {
  var start: [Double] { get }
}

extension AnalyticModel {
  func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for (index, value) in start.enumerated() { weights.base[index] = Float(value) }
  }

  /// Verdicts of simulated runs need no evaluation.
  func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    Evaluation()
  }
}

extension TensorLayout {
  /// One tensor, a vector.
  init(vectorOf count: Int) {
    self.init()
    add("w", shape: [count])
  }
}

/// Rosenbrock's valley (1 − x)² + 100(y − x²)² from (−1.2, 1): a fall from 24 to 4 in some tens of
/// steps, and then a long way along the floor.
final class Valley: AnalyticModel {
  let layout = TensorLayout(vectorOf: 2)
  let start = [-1.2, 1]

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
}
