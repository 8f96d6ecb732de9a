import GradientReduction
import GradientNorms
import Testing
import Vectors

@Suite struct ElementwiseClipTests {
  /// Tensors of two, one and four dimensions.
  static let layout = {
    var layout = TensorLayout()
    layout.add("matrix", shape: [3, 4])
    layout.add("vector", shape: [5])
    layout.add("kernels", shape: [2, 3, 2, 2])
    return layout
  }()

  static func vector(_ values: [[Float]]) -> FlatVector {
    var vector = FlatVector(zeros: layout)
    for (tensor, values) in values.enumerated() { vector.set(tensor, to: values) }
    return vector
  }

  /// The clipped tensors, and the squares that were counted of each.
  private func clipped(
    _ rule: any ClipRule, _ gradient: [[Float]], _ weights: [[Float]], slices: Int = 1
  ) -> (tensors: [[Float]], squares: [Double]) {
    var vector = Self.vector(gradient)
    var squares = [Double](repeating: 0, count: gradient.count)
    for slice in 0..<slices {
      vector.clipElements(
        rule, weights: Self.vector(weights), in: Self.layout.slice(slice, of: slices)
      ) { squares[$0.tensor] += $1 }
    }
    return (Self.layout.segments.map { vector[$0.name]! }, squares)
  }

  /// λ = 0.5, floor 0.1. Rows of norms 5, 0.5 and 5 against weights of norms 2, 2 and 0.
  @Test(arguments: [1, 2, 3, 7]) func adaptiveClipActsOnRows(_ slices: Int) {
    let gradient: [[Float]] = [
      [3, 4, 0, 0, 0.3, 0.4, 0, 0, 0, 0, 3, -4], [0, 6, 0, 8, 0],
      [Float](repeating: 1, count: 12) + [Float](repeating: 0.001, count: 12),
    ]
    let weights: [[Float]] = [
      [0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], [Float](repeating: 0, count: 5),
      [Float](repeating: 0, count: 12) + [4] + [Float](repeating: 0, count: 11),
    ]
    let (tensors, squares) = clipped(
      .agc(ratio: 0.5, floor: 0.1), gradient, weights, slices: slices)
    // ‖G₀‖ = 5 > 0.5·2: times 1/5. ‖G₁‖ = 0.5 ≤ 1: stays. ‖G₂‖ = 5 > 0.5·0.1: times 0.01, and not 0
    // although its weights are 0.
    let matrix: [Float] = [0.6, 0.8, 0, 0, 0.3, 0.4, 0, 0, 0, 0, 0.03, -0.04]
    // The vector is one unit: 10 > 0.05.
    let vector: [Float] = [0, 0.03, 0, 0.04, 0]
    for (found, truth) in zip(tensors[0] + tensors[1], matrix + vector) {
      #expect(abs(found - truth) <= 2e-7 * abs(truth))
    }
    // The first kernel, √12 long, is cut to 0.05; the second one's limit is 2.
    for (index, found) in tensors[2].enumerated() {
      #expect(
        index < 12 ? abs(found - 0.05 / Float(12).squareRoot()) < 1e-8 : found == gradient[2][index]
      )
    }
    for (found, truth) in zip(squares, [1 + 0.25 + 0.0025, 0.0025, 0.0025 + 12e-6]) {
      #expect(abs(found - truth) < 1e-6 * truth)
    }
  }

  @Test func aShortGradientStaysToTheBit() {
    var random = RandomStream(3)
    let gradient = Self.layout.segments.map { segment in
      (0..<segment.count).map { _ in Float(random.uniform(-1..<1)) }
    }
    let weights = Self.layout.segments.map { [Float](repeating: 100, count: $0.count) }
    for rule: any ClipRule in [
      .agc(ratio: 1, floor: 1e-3), .value(limit: 1), .global(maxNorm: 1e-3), .none,
    ] as [any ClipRule] {
      #expect(clipped(rule, gradient, weights).tensors == gradient)
    }
    let zeros = Self.layout.segments.map { [Float](repeating: 0, count: $0.count) }
    #expect(clipped(.agc(ratio: 0.01, floor: 1e-3), zeros, zeros).tensors == zeros)
  }

  @Test(arguments: [1, 2, 5]) func valueClipLimitsElements(_ slices: Int) {
    let gradient: [[Float]] = [
      [-3, -0.5, 0, 0.5, 3, 1e30, -1e30, 1e-30, .infinity, -.infinity, 0.75, -0.75],
      [0, 0, 0, 0, 1], [Float](repeating: -2, count: 24),
    ]
    let (tensors, squares) = clipped(
      .value(limit: 0.75), gradient, gradient.map { $0.map { _ in 0 } }, slices: slices)
    #expect(
      tensors[0] == [-0.75, -0.5, 0, 0.5, 0.75, 0.75, -0.75, 1e-30, 0.75, -0.75, 0.75, -0.75])
    #expect(tensors[1] == [0, 0, 0, 0, 0.75] && tensors[2] == [Float](repeating: -0.75, count: 24))
    #expect(squares == [8 * 0.5625 + 0.5, 0.5625, 24 * 0.5625])
    // A NaN must not become a number.
    #expect(
      clipped(
        .value(limit: 1), [[Float](repeating: .nan, count: 12), gradient[1], gradient[2]], gradient
      ).squares[0].isNaN)
  }

  /// Gradients whose squares Float32 could not hold.
  @Test func extremeGradientsAreClippedWithoutOverflow() {
    let zeros = Self.layout.segments.map { [Float](repeating: 0, count: $0.count) }
    for size in [Float(1e30), 1e-4] {
      let gradient = Self.layout.segments.map { [Float](repeating: size, count: $0.count) }
      let squares = clipped(.agc(ratio: 0.01, floor: 1e-3), gradient, zeros).squares
      for (found, units) in zip(squares, [3.0, 1, 2]) {
        #expect(abs(found - units * 1e-10) < 1e-6 * units * 1e-10)
      }
    }
  }
}
