import Optimizers
import Testing
import Vectors

/// Gradients whose square does not fit a Float32 (B11).
@Suite struct GradientRangeTests {
  /// PyTorch's formulas in Float64, which nothing here can overflow.
  private static func reference(_ gradients: [[Double]], beta2: Double, rate: Double) -> [Double] {
    var weights = [Double](repeating: 1, count: gradients[0].count)
    for index in weights.indices {
      var (first, second, power1, power2) = (0.0, 0.0, 1.0, 1.0)
      for gradient in gradients.map({ $0[index] }) {
        first = 0.9 * first + 0.1 * gradient
        second = beta2 * second + (1 - beta2) * gradient * gradient
        (power1, power2) = (power1 * 0.9, power2 * beta2)
        weights[index] -=
          rate * (first / (1 - power1)) / ((second / (1 - power2)).squareRoot() + 1e-8)
      }
    }
    return weights
  }

  private static func vector(_ values: [Float]) -> FlatVector {
    var layout = TensorLayout()
    layout.add("values", shape: [values.count])
    var vector = FlatVector(zeros: layout)
    vector.set(0, to: values)
    return vector
  }

  /// Sizes from 1e-18 to 2.5e20, in whole SIMD vectors and in the remainder: with β₂ = 0.999 a sum
  /// of squares fits up to 5.8e20.
  private static let sizes = (0..<35).map { (index: Int) -> Double in
    (index % 3 == 1 ? -1 : 1) * [1e-18, 1e-9, 1, 1.9e19, 1e20, 2.5e20][index % 6]
  }

  @Test(arguments: [0.999, 0.95]) func adamWFollowsPyTorchUpToTheLargestSquares(_ beta2: Double) {
    let sizes = beta2 == 0.999 ? Self.sizes : Self.sizes.map { abs($0) > 8e19 ? $0 / 10 : $0 }
    let gradients = (0..<4).map { (step: Int) -> [Double] in
      sizes.map { $0 * (step % 2 == 0 ? 1 : 0.5) }
    }
    var weights = Self.vector(sizes.map { _ in 1 })
    var optimizer = Optimizer(rule: .adamw(beta2: beta2, weightDecay: 0), owning: 0..<weights.count)
    for gradient in gradients {
      optimizer.beginStep()
      let values = Self.vector(gradient.map { Float($0) })
      let norms = optimizer.update(&weights, gradient: values, in: 0..<weights.count, rate: 0.1)
      #expect(norms.squaredChange.isFinite)
    }
    for (index, expected) in Self.reference(gradients, beta2: beta2, rate: 0.1).enumerated() {
      #expect(abs(Double(weights.base[index]) - expected) < 2e-6, "a gradient of \(sizes[index])")
    }
  }

  /// Two gradients of 1e20 and no clip: each weight moves by the whole rate, the two together by
  /// 0.1·√2.
  @Test func aStepOfHugeGradientsIsNotZero() {
    var weights = Self.vector([1, 1])
    var optimizer = Optimizer(rule: .adamw(weightDecay: 0), owning: 0..<weights.count)
    optimizer.beginStep()
    let norms = optimizer.update(
      &weights, gradient: Self.vector([1e20, -1e20]), in: 0..<weights.count, rate: 0.1)
    #expect(abs(norms.squaredChange.squareRoot() - 0.1414213562) < 1e-6)
  }

  /// LAMB's direction is Adam's, plus the decay.
  @Test func lambsDirectionFollowsAdams() {
    let weights = Self.vector(Self.sizes.map { _ in 1 })
    var gradient = Self.vector(Self.sizes.map { Float($0) })
    var optimizer = Optimizer(
      rule: .lamb(epsilon: 1e-8, weightDecay: 0), owning: 0..<gradient.count)
    optimizer.beginStep()
    let squares = optimizer.direct(&gradient, weights: weights, in: 0..<gradient.count, factor: 1)
    let expected = Self.reference([Self.sizes], beta2: 0.999, rate: 1).map { 1 - $0 }
    for (index, direction) in expected.enumerated() {
      #expect(
        abs(Double(gradient.base[index]) - direction) < 2e-6, "a gradient of \(Self.sizes[index])")
    }
    let sum = expected.reduce(0) { $0 + $1 * $1 }
    #expect(abs(squares - sum) < 1e-5 * sum)
  }
}
