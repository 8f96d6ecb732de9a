import ExperimentKeys
import Models
import Testing
import Vectors

@Suite struct PolicyTests {
  /// ASCII "explore" and "perform".
  static let (exploring, performing): (UInt64, UInt64) = (0x65_7870_6C6F_7265, 0x70_6572_666F_726D)

  struct Case: CustomTestStringConvertible, Sendable {
    var hidden: [Int]
    var discount = 0.99
    var lambda = 0.95
    var entropyWeight = 0.02
    /// Weights with which the pole stays up for long, so that some episodes are cut off.
    var balances = false

    var testDescription: String {
      "\(hidden) discount \(discount) lambda \(lambda) entropy \(entropyWeight) balances \(balances)"
    }

    var terms: Policy.Terms {
      var terms = Policy.Terms()
      (terms.discount, terms.lambda, terms.entropyWeight) = (discount, lambda, entropyWeight)
      return terms
    }
  }

  static let cases = [
    Case(hidden: [5, 6]), Case(hidden: [19], discount: 1, lambda: 1, entropyWeight: 0),
    Case(hidden: [], discount: 0.9, lambda: 0),
    Case(hidden: [], balances: true),
    Case(hidden: [], discount: 1, lambda: 0.9, entropyWeight: 0, balances: true),
  ]

  static func batch(_ samples: [UInt32], epoch: Int = 3, spare: Int = 0) -> Batch {
    var batch = Batch(capacity: samples.count + spare, shape: SampleShape(environment: .cartPole))
    for (row, sample) in samples.enumerated() { batch.samples[row] = sample }
    (batch.count, batch.epoch) = (samples.count, epoch)
    return batch
  }

  static func weights(_ model: Policy, balances: Bool = false) -> FlatVector {
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 11)
    if balances {
      let slope: [Float] = [0.1, 0.2, 4, 1]
      weights.set(0, to: slope.map { -$0 } + slope)
      weights.set(1, to: [0, 0])
    }
    return weights
  }

  static func gradient(
    _ model: Policy, _ batch: borrowing Batch, weights: borrowing FlatVector, scale: Float = 1
  ) -> FlatVector {
    var gradient = FlatVector(zeros: model.layout)
    for segment in model.layout.segments.indices {
      gradient.set(segment, to: repeatElement(.nan, count: model.layout.segments[segment].count))
    }
    _ = model.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: scale, accumulate: false
    ) { _, _ in }
    return gradient
  }

  /// The surrogate loss of recorded episodes is differentiated: states, actions, advantages and
  /// targets are constants.
  @Test(arguments: cases) func agreesWithCentralDifferences(_ test: Case) throws {
    let model = Policy(hidden: test.hidden, terms: test.terms, seed: 21)
    let weights = Self.weights(model, balances: test.balances)
    let samples: [UInt32] = [0, 7, 1, 900, 33]
    let reference = ReferencePolicy(widths: [4] + test.hidden, terms: test.terms, seed: 21)
    let courses = samples.map {
      reference.course(
        weights.tensors, epoch: 3, sample: Int($0), purpose: Self.exploring, greedy: false)
    }
    let lengths = courses.map(\.actions.count)
    try #require(courses.contains(where: \.isCutOff) == test.balances, "\(lengths)")
    try #require(Set(lengths).count > 1 && Set(courses[0].actions).count == 2)

    let batch = Self.batch(samples)
    var gradient = FlatVector(zeros: model.layout)
    let loss = model.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: 0.25, accumulate: false
    ) { _, _ in }
    // Equal lengths show that the episodes are the same.
    #expect(loss == 5 - Double(lengths.reduce(0, +)) / 500)
    for (index, (actual, difference)) in zip(
      gradient.tensors, reference.gradient(weights.tensors, courses)
    ).enumerated() {
      let error = relativeError(actual, difference.map { 0.25 * $0 })
      #expect(error < GradientTests.bound, "\(model.layout.segments[index].name)")
    }

    let evaluation = model.evaluate(batch, weights: weights)
    let returns = samples.map {
      reference.course(
        weights.tensors, epoch: 3, sample: Int($0), purpose: Self.performing, greedy: true
      ).actions.count
    }.reduce(0, +)
    #expect(
      evaluation
        == Evaluation(lossSum: 5 - Double(returns) / 500, score: returns, scored: 5, count: 5))
  }

  @Test func namesAndShapes() {
    let layout = Policy(hidden: [8, 6], seed: 1).layout
    let names = ["policy.", "value."].flatMap { network in
      (0..<3).flatMap { ["\(network)layers.\($0).weight", "\(network)layers.\($0).bias"] }
    }
    #expect(layout.segments.map(\.name) == names)
    #expect(
      layout.segments.map(\.shape) == [
        [8, 4], [8], [6, 8], [6], [2, 6], [2], [8, 4], [8], [6, 8], [6], [1, 6], [1],
      ])
  }

  /// An episode is the same in any batch; only the order in which products are summed differs.
  @Test func episodesDoNotDependOnTheirBatch() {
    let model = Policy(hidden: [16], seed: 4)
    let weights = Self.weights(model)
    let whole = Self.gradient(model, Self.batch([1, 2, 3, 4, 5]), weights: weights)
    var parts = FlatVector(zeros: model.layout)
    var loss = 0.0
    for (index, sample) in ([5, 3, 1, 4, 2] as [UInt32]).enumerated() {
      loss += model.lossAndGradient(
        Self.batch([sample]), weights: weights, into: &parts, scale: 1, accumulate: index > 0
      ) { _, _ in }
    }
    for (part, all) in zip(parts.tensors, whole.tensors) {
      #expect(relativeError(part, all) < 1e-6)
    }
    let together = model.lossAndGradient(
      Self.batch([1, 2, 3, 4, 5]), weights: weights, into: &parts, scale: 1, accumulate: false
    ) { _, _ in }
    #expect(abs(loss - together) < 1e-12)
  }

  @Test func episodeEpochAndSeedEachMakeAnotherEpisode() {
    let model = Policy(hidden: [16, 16], seed: 4)
    let weights = Self.weights(model)
    let gradients = [
      Self.gradient(model, Self.batch([4]), weights: weights).bits,
      Self.gradient(model, Self.batch([5]), weights: weights).bits,
      Self.gradient(model, Self.batch([4], epoch: 4), weights: weights).bits,
      Self.gradient(Policy(hidden: [16, 16], seed: 5), Self.batch([4]), weights: weights).bits,
    ]
    #expect(Set(gradients).count == 4)
  }

  @Test func otherDataAreRefused() throws {
    var keys = try ExperimentReader(
      text: "[model]\nentropy_weight = 0\n", source: "x.toml", overrides: ["model.discount=0.5"])
    try keys.enter("model")
    let recipe = try PolicyKind(&keys)
    #expect(
      recipe.hidden == [64, 64] && recipe.terms.discount == 0.5 && recipe.terms.entropyWeight == 0
        && recipe.terms.lambda == 0.95)
    let error = #expect(throws: ExperimentError.self) {
      try recipe.model(for: SampleShape(inputs: 4, labels: 1, classes: 2), seed: 1)
    }
    #expect(
      error?.description
        == "model.kind \"policy\" needs episodes of an environment (cartpole): choose another data.kind, or another model"
    )
    keys = try ExperimentReader(text: "", source: "x.toml", overrides: ["model.discount=1.01"])
    try keys.enter("model")
    #expect(throws: ExperimentError.self) { try PolicyKind(&keys) }
  }

  /// A weight that is not finite shows even where tanh follows it, or in a network that evaluation
  /// does not use.
  @Test(arguments: [Float.nan, .infinity, -.infinity]) func nonFiniteWeightsShow(_ bad: Float) {
    let model = Policy(hidden: [4, 4], seed: 4)
    for segment in model.layout.segments.indices {
      let weights = Self.weights(model)
      weights.base[weights.layout.segments[segment].range.lowerBound] = bad
      var gradient = FlatVector(zeros: model.layout)
      let loss = model.lossAndGradient(
        Self.batch([1, 2]), weights: weights, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      #expect(!loss.isFinite && !model.evaluate(Self.batch([1]), weights: weights).lossSum.isFinite)
    }
  }
}
