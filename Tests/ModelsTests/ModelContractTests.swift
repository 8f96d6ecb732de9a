import Models
import Testing
import Vectors

/// The properties of every model that a training step relies on. A kind of model is one line in
/// ``ModelCase/all``.
@Suite struct ModelContractTests {
  static let all = 0..<ModelCase.count

  static func weights(_ model: some Model) -> FlatVector {
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 4)
    return weights
  }

  static func gradient(_ model: some Model, _ batch: borrowing Batch) -> FlatVector {
    let weights = weights(model)
    var gradient = FlatVector(zeros: model.layout)
    _ = model.lossAndGradient(batch, weights: weights, into: &gradient, scale: 1, accumulate: false)
    { _, _ in }
    return gradient
  }

  @Test(arguments: ModelCase.all) func startingWeightsAreAFunctionOfTheSeed(_ test: ModelCase) {
    let model = test.model()
    let (first, again) = (Self.weights(model).bits, Self.weights(test.model()).bits)
    #expect(first == again)
    var other = FlatVector(zeros: model.layout)
    model.initialize(&other, seed: 5)
    let second = other.bits
    #expect(first != second)
  }

  @Test(arguments: ModelCase.all) func twoMicroBatchesAddUpToOne(_ test: ModelCase) {
    let model = test.model()
    let weights = Self.weights(model)
    let whole = Self.gradient(model, test.batch(Self.all, 0))
    var parts = FlatVector(zeros: model.layout)
    var loss = model.lossAndGradient(
      test.batch(0..<4, 0), weights: weights, into: &parts, scale: 1, accumulate: false
    ) { _, _ in }
    loss += model.lossAndGradient(
      test.batch(4..<ModelCase.count, 0), weights: weights, into: &parts, scale: 1, accumulate: true
    ) { _, _ in }
    for (tensor, (part, all)) in zip(parts.tensors, whole.tensors).enumerated() {
      let error = relativeError(part, all)
      #expect(error < 1e-6, "\(model.layout.segments[tensor].name): \(error)")
    }
    var again = FlatVector(zeros: model.layout)
    let all = model.lossAndGradient(
      test.batch(Self.all, 0), weights: weights, into: &again, scale: 1, accumulate: false
    ) { _, _ in }
    #expect(abs(loss - all) < 1e-6 * all)
  }

  @Test(arguments: ModelCase.all) func dependsOnItsBatchAlone(_ test: ModelCase) {
    let model = test.model()
    let fresh = Self.gradient(model, test.batch(0..<5, 0)).bits
    // The same samples after others, larger and smaller, after an evaluation, and with spare room.
    _ = Self.gradient(model, test.batch(Self.all, 0))
    _ = Self.gradient(model, test.batch(5..<7, 0))
    _ = model.evaluate(test.batch(3..<9, 0), weights: Self.weights(model))
    let later = Self.gradient(model, test.batch(0..<5, 9)).bits
    #expect(fresh == later)
  }

  @Test(arguments: ModelCase.all) func gapsStayZero(_ test: ModelCase) {
    let model = test.model()
    let gradient = Self.gradient(model, test.batch(Self.all, 0))
    let inTensors = Set(model.layout.segments.flatMap { Array($0.range) })
    let gaps = (0..<gradient.count).filter { !inTensors.contains($0) }
    let bits = gradient.bits
    #expect(gaps.count > 0 && gaps.allSatisfy { bits[$0] == 0 })
  }

  @Test(arguments: ModelCase.all) func everyTensorIsFinishedOnceLastToFirst(_ test: ModelCase) {
    let model = test.model()
    let weights = Self.weights(model)
    let complete = Self.gradient(model, test.batch(Self.all, 0)).tensors
    var gradient = FlatVector(zeros: model.layout)
    var order: [Int] = []
    var seen: [Int: [Double]] = [:]
    _ = model.lossAndGradient(
      test.batch(Self.all, 0), weights: weights, into: &gradient, scale: 1, accumulate: false
    ) { index, gradient in
      order.append(index)
      seen[index] = gradient.tensors[index]
    }
    #expect(order == model.layout.segments.indices.reversed())
    for (index, values) in complete.enumerated() { #expect(seen[index] == values) }
  }

  @Test(arguments: ModelCase.all, [true, false]) func anEmptyBatchHasNoGradient(
    _ test: ModelCase, accumulate: Bool
  ) {
    let model = test.model()
    let weights = Self.weights(model)
    var gradient = Self.gradient(model, test.batch(Self.all, 0))
    let before = gradient.bits
    var order: [Int] = []
    let loss = model.lossAndGradient(
      test.batch(0..<0, 3), weights: weights, into: &gradient, scale: 1, accumulate: accumulate
    ) { index, _ in
      order.append(index)
    }
    let after = gradient.bits
    #expect(loss == 0)
    #expect(order == model.layout.segments.indices.reversed())
    #expect(accumulate ? after == before : after.allSatisfy { $0 == 0 })
    let evaluation = model.evaluate(test.batch(0..<0, 0), weights: weights)
    #expect(evaluation == Evaluation())
  }

  @Test(arguments: ModelCase.all) func evaluateMatchesDifferentiate(_ test: ModelCase) {
    let model = test.model()
    let weights = Self.weights(model)
    var gradient = FlatVector(zeros: model.layout)
    let differentiated = model.lossAndGradient(
      test.batch(Self.all, 0), weights: weights, into: &gradient, scale: 1, accumulate: false
    ) {
      _, _ in
    }
    let evaluation = model.evaluate(test.batch(Self.all, 0), weights: weights)
    #expect(evaluation.lossSum == differentiated || !test.evaluatesAsTrained)
    #expect(evaluation.count == ModelCase.count)
  }

  /// A gradient that is overwritten may have held anything, NaN too.
  @Test(arguments: ModelCase.all) func aGradientIsOverwrittenWhateverItHeld(_ test: ModelCase) {
    let model = test.model()
    let weights = Self.weights(model)
    let expected = Self.gradient(model, test.batch(Self.all, 0)).bits
    var gradient = FlatVector(zeros: model.layout)
    for (index, segment) in model.layout.segments.enumerated() {
      gradient.set(index, to: repeatElement(.nan, count: segment.count))
    }
    _ = model.lossAndGradient(
      test.batch(Self.all, 0), weights: weights, into: &gradient, scale: 1, accumulate: false
    ) { _, _ in }
    let bits = gradient.bits
    #expect(bits == expected)
  }

  @Test(arguments: ModelCase.all) func aWeightThatIsNoNumberShows(_ test: ModelCase) {
    let model = test.model()
    for segment in model.layout.segments {
      for index in [segment.range.lowerBound, segment.range.upperBound - 1] {
        let weights = Self.weights(model)
        weights.base[index] = .nan
        var gradient = FlatVector(zeros: model.layout)
        let loss = model.lossAndGradient(
          test.batch(Self.all, 0), weights: weights, into: &gradient, scale: 1, accumulate: false
        ) { _, _ in }
        let squaredNorm = gradient.squaredNorm()
        #expect(
          !loss.isFinite && !squaredNorm.isFinite,
          "\(segment.name), element \(index - segment.range.lowerBound)")
      }
    }
  }
}
