import Vectors

/// How a model's gradient compares with differences of its own loss, tensor by tensor.
public struct GradientCheck: Sendable {
  /// One tensor along one random direction.
  public struct Result: Sendable {
    public let tensor: String
    /// The gradient along the direction.
    public let slope: Double
    /// (loss(w + h·u) − loss(w − h·u)) / 2h, with the step h that comes nearest to the slope.
    public let difference: Double
    /// Their distance, over the larger of the slope and the gradient's root mean square along a
    /// direction.
    public let error: Double
  }

  public let results: [Result]

  /// The largest error; 0 for a model without tensors.
  public var worst: Double { results.map(\.error).max() ?? 0 }
}

/// Compares the gradient of a model with central differences of its loss: for each tensor along
/// `directions` random directions of ±1.
///
/// The loss is a Float32 computation, so that its differences are good to about 0.1 %; a function
/// with corners, such as ReLU, may have one in between, which more directions average out. An error
/// of some per cent in all of them is a wrong gradient. It costs 6 evaluations a tensor and
/// direction.
///
/// - Parameters:
///   - model: any model whose loss is a function of weights and batch.
///   - batch: a few samples.
///   - weights: where to compare.
///   - directions: how many for each tensor.
///   - seed: that of the directions.
public func checkGradients(
  of model: any Model, on batch: borrowing Batch, at weights: borrowing FlatVector,
  directions: Int = 2, seed: UInt64 = 1
) -> GradientCheck {
  var gradient = FlatVector(zeros: model.layout)
  _ = model.lossAndGradient(
    batch, weights: weights, into: &gradient, scale: 1, accumulate: false
  ) { _, _ in }
  let moved = FlatVector(copying: weights)
  var unused = FlatVector(zeros: model.layout)
  var results: [GradientCheck.Result] = []
  for (index, segment) in model.layout.segments.enumerated() where segment.count > 0 {
    let squares = segment.range.reduce(0.0) { $0 + Double(gradient.base[$1] * gradient.base[$1]) }
    let weightSquares = segment.range.reduce(0.0) {
      $0 + Double(weights.base[$1] * weights.base[$1])
    }
    let scale = max((weightSquares / Double(segment.count)).squareRoot(), 0.1)
    for direction in 0..<directions {
      var random = RandomStream(seed, UInt64(index), UInt64(direction))
      let signs = segment.range.map { _ in random.next() & 1 == 0 ? Float(1) : -1 }
      let slope = zip(segment.range, signs).reduce(0.0) {
        $0 + Double(gradient.base[$1.0]) * Double($1.1)
      }
      var best: (difference: Double, error: Double)?
      for relative in [0.1, 0.02, 0.004] {
        let step = Float(relative * scale / Double(segment.count).squareRoot())
        // What is added in Float32 is not the step itself.
        var applied = 0.0
        func loss(_ step: Float) -> Double {
          for (place, sign) in zip(segment.range, signs) {
            moved.base[place] = weights.base[place] + step * sign
          }
          return model.lossAndGradient(
            batch, weights: moved, into: &unused, scale: 1, accumulate: false
          ) { _, _ in }
        }
        let up = loss(step)
        for (place, sign) in zip(segment.range, signs) {
          applied += Double(moved.base[place] - weights.base[place]) * Double(sign)
        }
        let down = loss(-step)
        let difference = (up - down) / (2 * applied / Double(segment.count))
        let error = abs(difference - slope) / max(abs(slope), squares.squareRoot(), 1e-6)
        if best.map({ error < $0.error }) ?? true { best = (difference, error) }
      }
      for place in segment.range { moved.base[place] = weights.base[place] }
      if let best {
        results.append(
          .init(
            tensor: segment.name, slope: slope, difference: best.difference, error: best.error))
      }
    }
  }
  return GradientCheck(results: results)
}
