import BuiltInModels
import Models
import Testing
import Vectors

/// The properties of a multilayer perceptron; those of all models are in ``ModelContractTests``.
@Suite struct MLPTests {
  static let samples = Samples(11, width: 13, classes: 6, seed: 8)

  static func model(_ loss: any Loss = .crossEntropy, activation: Activation = .relu) -> Network {
    Network.mlp(
      inputWidth: 13, hidden: [20, 9], outputWidth: 6, activation: activation, loss: loss)
  }

  static func weights(_ model: some Model) -> FlatVector {
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 4)
    return weights
  }

  @Test func namesAndShapesAreThoseOfPyTorch() {
    let layout = Self.model().layout
    #expect(
      layout.segments.map(\.name) == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.2.weight",
        "layers.2.bias",
      ])
    #expect(layout.segments.map(\.shape) == [[20, 13], [20], [9, 20], [9], [6, 9], [6]])
    #expect(
      Network.mlp(inputWidth: 3, hidden: [], outputWidth: 2).layout.segments.map(\.name) == [
        "layers.0.weight", "layers.0.bias",
      ])
  }

  @Test func startingWeightsFillTheirRange() {
    let model = Network.mlp(inputWidth: 400, hidden: [100], outputWidth: 10)
    let weights = Self.weights(model)
    for (index, (segment, fanIn)) in zip(model.layout.segments, [400, 400, 100, 100]).enumerated() {
      let values = weights[segment.name]!.map(Double.init)
      let bound = 1 / Double(fanIn).squareRoot()
      // Each tensor has its own random stream, so that the size of one does not change the values
      // of another.
      var random = RandomStream(4, UInt64(index))
      #expect(Float(values[0]) == Float(random.uniform(-bound..<bound)))
      #expect(values.allSatisfy { abs($0) <= bound })
      #expect(Set(values).count > values.count * 9 / 10)
      if values.count >= 1000 {
        // U(-b, b) has variance b²/3; the mean of n squares has the relative deviation √(4/5/n).
        let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
        #expect(
          abs(variance / (bound * bound / 3) - 1) < 5 * (0.8 / Double(values.count)).squareRoot())
      }
    }
    var again = FlatVector(zeros: model.layout)
    model.initialize(&again, seed: 4)
    let (first, second) = (weights.bits, again.bits)
    #expect(first == second)
    model.initialize(&again, seed: 5)
    let other = again.bits
    #expect(first != other)
  }

  /// The weights with which a single layer passes its inputs to the loss.
  private static func identity(_ model: Network) -> FlatVector {
    var weights = FlatVector(zeros: model.layout)
    let width = model.layout.segments[0].shape[1]
    weights.set(0, to: (0..<width * width).map { $0 % (width + 1) == 0 ? 1 : 0 })
    return weights
  }

  @Test(arguments: LossTests.classifiers) func countsRightAnswers(_ loss: any Loss) {
    let model = Network.mlp(inputWidth: 3, hidden: [], outputWidth: 3, loss: loss)
    let weights = Self.identity(model)
    var samples = Samples(5, width: 3, classes: 3, seed: 1)
    samples.inputs = [[0, 2, 1], [0, 2, 1], [5, 5, 0], [5, 5, 0], [-3, -2, -1]]
    samples.labels = [1, 2, 0, 1, 2]
    // Of equal outputs the first counts as the answer.
    let correct = model.evaluate(samples.batch(), weights: weights).score
    #expect(correct == 3)
    samples.inputs[0][1] = .nan
    let withNaN = model.evaluate(samples.batch(), weights: weights).score
    #expect(withNaN == 2)
  }

  @Test func aRegressionHasNoRightAnswers() {
    let model = Network.mlp(inputWidth: 4, hidden: [], outputWidth: 2, loss: .squaredError)
    let weights = Self.weights(model)
    let evaluation = model.evaluate(
      Samples(6, width: 4, classes: 2, targetWidth: 2, seed: 2).batch(), weights: weights)
    #expect(evaluation.score == 0 && evaluation.scored == 0 && evaluation.count == 6)
  }

  @Test func hugeLogitsStayFinite() {
    let model = Network.mlp(inputWidth: 4, hidden: [], outputWidth: 4, loss: .crossEntropy)
    let weights = Self.identity(model)
    var samples = Samples(2, width: 4, classes: 4, seed: 1)
    samples.inputs = [[1e4, -1e4, 0, 9_999], [1e4, -1e4, 0, 9_999]]
    samples.labels = [0, 1]
    let evaluation = model.evaluate(samples.batch(), weights: weights)
    // log(1 + 1/e) for the first; 2·10⁴ more for the second.
    let expected = 2 * 0.31326168751822286 + 2e4
    #expect(abs(evaluation.lossSum - expected) < 1e-10 * expected)
    var gradient = FlatVector(zeros: model.layout)
    _ = model.lossAndGradient(
      samples.batch(), weights: weights, into: &gradient, scale: 1, accumulate: false
    ) { _, _ in }
    // Biases: softmax = (σ(1), 0, 0, σ(-1)) for both, less one at each label.
    let bias = gradient["layers.0.bias"]!.map(Double.init)
    #expect(
      relativeError(bias, [2 * 0.7310585786300049 - 1, -1, 0, 2 * 0.2689414213699951]) < 1e-7)
  }

  /// A value that is not finite shows through ReLU, softmax and a product with zero.
  @Test(arguments: [Float.nan, .infinity, -.infinity], LossTests.classifiers)
  func nonFiniteInputsShow(_ bad: Float, _ loss: any Loss) {
    for activation in Activation.allCases {
      let model = Self.model(loss, activation: activation)
      let batch = Self.samples.batch()
      batch.inputs[3 * 13 + 12] = bad
      let weights = Self.weights(model)
      var gradient = FlatVector(zeros: model.layout)
      let lossSum = model.lossAndGradient(
        batch, weights: weights, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      let squaredNorm = gradient.squaredNorm()
      #expect(!squaredNorm.isFinite, "\(activation)")
      if bad.isNaN { #expect(!lossSum.isFinite, "\(activation)") }
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], LossTests.classifiers)
  func nonFiniteLogitsShow(_ bad: Float, _ loss: any Loss) {
    for label in [0, 1] {
      // A bias, so that the logit alone is not finite.
      let model = Network.mlp(inputWidth: 1, hidden: [], outputWidth: 3, loss: loss)
      var weights = FlatVector(zeros: model.layout)
      weights.set(1, to: [0, bad, 1])
      var samples = Samples(1, width: 1, classes: 3, seed: 1)
      samples.labels = [label]
      var gradient = FlatVector(zeros: model.layout)
      let lossSum = model.lossAndGradient(
        samples.batch(), weights: weights, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      let squaredNorm = gradient.squaredNorm()
      #expect(!lossSum.isFinite && !squaredNorm.isFinite, "label \(label)")
    }
  }

  @Test func aLabelOutsideTheClassesTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let model = Network.mlp(inputWidth: 1, hidden: [], outputWidth: 3)
      let weights = FlatVector(zeros: model.layout)
      var batch = Batch(capacity: 1, shape: SampleShape(inputs: 1, labels: 1, classes: 3))
      batch.count = 1
      batch.labels[0] = 3
      _ = model.evaluate(batch, weights: weights)
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("label 3 of sample 0"))
  }

  @Test func evaluationsAddUp() {
    var total = Evaluation(lossSum: 1.5, score: 2, scored: 3, count: 3)
    total += Evaluation(lossSum: 0.25, score: 1, scored: 4, count: 4)
    #expect(total == Evaluation(lossSum: 1.75, score: 3, scored: 7, count: 7))
  }
}
