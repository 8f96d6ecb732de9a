import BuiltInModels
import Glibc
import Models
import Testing
import Vectors

/// Every layer, activation and loss against central differences of an independent forward pass in
/// Double.
///
/// The differences are accurate to about 1e-9; the rest is Float32's rounding in the model: some
/// 6e-8 a rounding, over sums of at most 40 terms and three layers. 2e-6 of a tensor's norm leaves
/// room for that and for no wrong term.
@Suite struct GradientTests {
  static let bound = 2e-6

  struct Case: CustomTestStringConvertible, Sendable {
    var widths: [Int]
    var activation = Activation.relu
    var loss: any Loss
    var targetWidth = 0

    var testDescription: String { "\(widths) \(activation) \(loss) targets \(targetWidth)" }
  }

  static let cases: [Case] =
    Activation.allCases.flatMap { activation in
      ([CrossEntropy(), SquaredError()] as [any Loss]).flatMap { loss in
        // Narrow layers, and layers wider than one and two vectors with a remainder.
        [[7, 5, 6, 4], [19, 37, 18, 17]].map {
          Case(widths: $0, activation: activation, loss: loss)
        }
      }
    } + [
      Case(widths: [9, 3], loss: .crossEntropy),
      Case(widths: [9, 33], loss: .crossEntropy),
      Case(widths: [9, 3], loss: .squaredError),
      Case(widths: [9, 1], loss: .squaredError, targetWidth: 1),
    ]
    + ([.squaredError, .absoluteError, .huber, .binaryCrossEntropy] as [any Loss]).map {
      Case(widths: [6, 8, 5], activation: .tanh, loss: $0, targetWidth: 5)
    }
    + LossTests.classifiers.map { Case(widths: [7, 6, 4], activation: .tanh, loss: $0) }

  @Test(arguments: cases) func agreesWithCentralDifferences(_ test: Case) throws {
    let model = Network.mlp(
      inputWidth: test.widths.first!, hidden: Array(test.widths.dropFirst().dropLast()),
      outputWidth: test.widths.last!,
      activation: test.activation, loss: test.loss)
    let samples = Samples(
      9, width: test.widths.first!, classes: test.widths.last!, targetWidth: test.targetWidth,
      seed: 5)
    let reference = ReferenceNetwork(
      widths: test.widths, activation: test.activation, loss: test.loss)
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 3)
    // The gradient holds NaN beforehand: overwriting must not read it.
    var gradient = FlatVector(zeros: model.layout)
    for segment in model.layout.segments.indices {
      gradient.set(segment, to: repeatElement(.nan, count: model.layout.segments[segment].count))
    }
    let loss = model.lossAndGradient(
      samples.batch(), weights: weights, into: &gradient, scale: 0.25, accumulate: false
    ) { _, _ in }

    var smallest = Double.infinity
    let expected = reference.loss(weights.tensors, samples, smallest: &smallest)
    // Differences across a kink of ReLU would be no derivative.
    try #require(smallest > 1e-4 || test.activation != .relu)
    #expect(abs(loss - expected) < 1e-6 * abs(expected))
    let differences = reference.gradient(weights.tensors, samples)
    for (index, (actual, difference)) in zip(gradient.tensors, differences).enumerated() {
      let error = relativeError(actual, difference.map { 0.25 * $0 })
      #expect(error < Self.bound, "\(model.layout.segments[index].name)")
    }
  }

  /// Far from zero the activations saturate; near zero tanh must keep a small value's digits.
  @Test(arguments: [1e-20, 1e-6, 2e-4, 3e-4, 0.3, 1, 8, 20, 100, 3e38] as [Float])
  func activationsKeepTheirDigits(_ z: Float) {
    for sign in [1, -1] as [Float] {
      let value = Double(sign * z)
      expect(.tanh, at: sign * z, gives: Float(Glibc.tanh(value)))
      expect(.sigmoid, at: sign * z, gives: Float(1 / (1 + exp(-value))))
      expect(.relu, at: sign * z, gives: max(0, sign * z))
    }
  }

  /// One hidden unit with weight 1 and one output that passes it on: the root of the squared error
  /// against 0 is the activation.
  private func expect(_ activation: Activation, at z: Float, gives expected: Float) {
    let model = Network.mlp(
      inputWidth: 1, hidden: [1], outputWidth: 1, activation: activation, loss: .squaredError)
    var weights = FlatVector(zeros: model.layout)
    weights.set(0, to: [1])
    weights.set(2, to: [1])
    var batch = Batch(capacity: 1, shape: SampleShape(inputs: 1, targets: 1))
    batch.count = 1
    batch.inputs[0] = z
    let result = Float(model.evaluate(batch, weights: weights).lossSum.squareRoot())
    #expect(abs(result - abs(expected)) <= expected.ulp, "\(activation) of \(z)")
  }
}
