import ExperimentKeys
import Glibc
import Models
import Testing
import Vectors

/// Every loss by itself: PyTorch's formulas for it, its limits, and the data that it takes.
@Suite struct LossTests {
  static let all: [any Loss] = [
    CrossEntropy(), CrossEntropy(labelSmoothing: 0.1), SquaredError(), AbsoluteError(), Huber(),
    Huber(delta: 0.375), BinaryCrossEntropy(),
  ]

  /// Losses for labels of several classes.
  static let classifiers = all.filter { !($0 is BinaryCrossEntropy) }

  struct Case: CustomTestStringConvertible, Sendable {
    let loss: any Loss
    /// Three samples of four values; without them, the labels 2, 3 and 1.
    var targets: [Float] = []
    let sum: Double
    let gradient: [Double]
    var score = 0

    var testDescription: String { "\(loss) \(targets.isEmpty ? "labels" : "targets")" }
  }

  static let outputs: [Float] = [
    0.5, -1.25, 3, 0, -2, 4.5, 0.75, 1, 8, -8, 0.25, -0.5,
  ]
  private static let values: [Float] = [
    0.5, 0.75, 1, -1.5, -2, 0, 1, 3.5, 7, -9.5, 0.25, -0.25,
  ]
  private static let probabilities: [Float] = [
    0.5, 0.75, 1, 0, 0.25, 1, 0, 0.125, 1, 0, 0.25, 0.625,
  ]

  /// Sums of the samples' losses and ∂sum/∂output: the formulas of PyTorch's documentation
  /// (`cross_entropy`, `mse_loss`, `l1_loss`, `huber_loss`, `binary_cross_entropy_with_logits`),
  /// evaluated in Float64 by NumPy. A sample's loss is the mean over its outputs.
  static let cases = [
    Case(
      loss: .crossEntropy, sum: 19.69077858915739,
      gradient: [
        0.07161888037172126, 0.012445495267699691, -0.12750342239916113, 0.04343904675974027,
        0.001424765672154162, 0.9476709658821671, 0.022287084930735484, -0.9713828164850573,
        0.9993660786664021, -0.9999998875361638, 0.0004304694836899285, 0.00020333938607081597,
      ], score: 1),
    Case(
      loss: CrossEntropy(labelSmoothing: 0.1), sum: 19.13452858915739,
      gradient: [
        0.04661888037172126, -0.01255450473230031, -0.05250342239916115, 0.01843904675974027,
        -0.02357523432784584, 0.9226709658821671, -0.0027129150692645175, -0.8963828164850574,
        0.9743660786664021, -0.9249998875361638, -0.024569530516310074, -0.024796660613929187,
      ], score: 1),
    Case(
      loss: CrossEntropy(labelSmoothing: 0.3), sum: 18.02202858915739,
      gradient: [
        -0.0033811196282787365, -0.0625545047323003, 0.09749657760083892, -0.031560953240259725,
        -0.07357523432784584, 0.8726709658821672, -0.05271291506926451, -0.7463828164850572,
        0.9243660786664022, -0.7749998875361637, -0.07456953051631007, -0.07479666061392919,
      ], score: 1),
    Case(
      loss: .squaredError, targets: values, sum: 10.03125,
      gradient: [0, -1, 1, 0.75, 0, 2.25, -0.125, -1.25, 0.5, 0.75, 0, -0.125]),
    Case(
      loss: .absoluteError, targets: values, sum: 3.875,
      gradient: [0, -0.25, 0.25, 0.25, 0, 0.25, -0.25, -0.25, 0.25, 0.25, 0, -0.25]),
    Case(
      loss: .absoluteError, sum: 7.1875,
      gradient: [0.25, -0.25, 0.25, 0, -0.25, 0.25, 0.25, 0, 0.25, -0.25, 0.25, -0.25], score: 1),
    Case(
      loss: .huber, targets: values, sum: 2.890625,
      gradient: [0, -0.25, 0.25, 0.25, 0, 0.25, -0.0625, -0.25, 0.25, 0.25, 0, -0.0625]),
    Case(
      loss: Huber(delta: 0.375), targets: values, sum: 1.298828125,
      gradient: [
        0, -0.09375, 0.09375, 0.09375, 0, 0.09375, -0.0625, -0.09375, 0.09375, 0.09375, 0, -0.0625,
      ]),
    Case(
      loss: Huber(delta: 2), sum: 10.5859375,
      gradient: [0.125, -0.3125, 0.5, 0, -0.5, 0.5, 0.1875, 0, 0.5, -0.5, 0.0625, -0.125], score: 1
    ),
    Case(
      loss: .binaryCrossEntropy, targets: probabilities, sum: 1.7922590659971493,
      gradient: [
        0.03061483280046365, -0.1318249652936728, -0.011856468294391659, 0.125,
        -0.03269926949447061, -0.002746735657648297, 0.16979467479384824, 0.15151464465750122,
        -8.383753261659299e-05, 8.383753261661953e-05, 0.07804412522144952, -0.06186483280046365,
      ]),
  ]

  @Test(arguments: cases) func followsPyTorch(_ test: Case) {
    var batch = Batch(
      capacity: 3,
      shape: test.targets.isEmpty
        ? SampleShape(inputs: 1, labels: 1, classes: 4) : SampleShape(inputs: 1, targets: 4))
    batch.count = 3
    for (index, target) in test.targets.enumerated() { batch.targets[index] = target }
    for (index, label) in [2, 3, 1].enumerated() where test.targets.isEmpty {
      batch.labels[index] = Int32(label)
    }
    let measured = measure(test.loss, Self.outputs, width: 4, batch)
    #expect(abs(measured.evaluation.lossSum - test.sum) < 1e-13 * test.sum)
    #expect(measured.evaluation.score == test.score && measured.evaluation.count == 3)
    #expect(measured.evaluation.scored == (test.targets.isEmpty ? 3 : 0))
    for (actual, expected) in zip(measured.gradient, test.gradient) {
      #expect(abs(Double(actual) - expected) <= Double(Float(expected).ulp), "\(test.gradient)")
    }
    // Half of it, as one of two micro-batches has.
    let half = measure(test.loss, Self.outputs, width: 4, batch, scale: 0.5)
    #expect(half.evaluation == measured.evaluation)
    #expect(half.gradient == measured.gradient.map { $0 / 2 })
  }

  /// Two classes are one output: its sign is the answer, and 0 is class 0.
  @Test func labelsOfTwoClassesAreOneProbability() throws {
    let shape = SampleShape(inputs: 1, labels: 1, classes: 2)
    var batch = Batch(capacity: 6, shape: shape)
    batch.count = 6
    for (index, label) in [1, 1, 0, 0, 1, 0].enumerated() { batch.labels[index] = Int32(label) }
    #expect(try BinaryCrossEntropy().outputs(for: shape) == 1)
    let measured = measure(.binaryCrossEntropy, [0.5, -1.25, 3, 0, -40, 1000], width: 1, batch)
    #expect(abs(measured.evaluation.lossSum - 1045.7177405976593) < 1e-12 * 1045)
    #expect(measured.evaluation.score == 2 && measured.evaluation.scored == 6)
    let expected: [Float] = [-0.37754068, -0.7772999, 0.9525741, 0.5, -1, 1]
    for (actual, expected) in zip(measured.gradient, expected) {
      #expect(abs(actual - expected) <= expected.ulp)
    }
  }

  @Test func hugeLogitsHaveAFiniteLoss() {
    var batch = Batch(capacity: 1, shape: SampleShape(inputs: 1, targets: 4))
    batch.count = 1
    for (index, target) in ([0, 1, 0, 1] as [Float]).enumerated() { batch.targets[index] = target }
    let large = Float.greatestFiniteMagnitude
    let wrong = measure(.binaryCrossEntropy, [large, -large, 100, -100], width: 4, batch)
    #expect(wrong.evaluation.lossSum == (2 * Double(large) + 200) / 4)
    #expect(wrong.gradient == [0.25, -0.25, 0.25, -0.25])
    let right = measure(.binaryCrossEntropy, [-large, large, -100, 100], width: 4, batch)
    #expect(abs(right.evaluation.lossSum - 2 * exp(-100) / 4) < 1e-43)
    #expect(right.gradient.allSatisfy { abs(Double($0)) < 1e-43 })
  }

  /// A value that is not finite shows in the loss, or in the gradient, wherever it is.
  @Test(arguments: [Float.nan, .infinity, -.infinity], all)
  func nonFiniteOutputsShow(_ bad: Float, _ loss: any Loss) {
    let isBinary = loss is BinaryCrossEntropy
    let width = isBinary ? 1 : 3
    let classes = isBinary ? 2 : 3
    for place in 0..<width {
      for label in 0..<classes {
        var batch = Batch(
          capacity: 1, shape: SampleShape(inputs: 1, labels: 1, classes: classes))
        batch.count = 1
        batch.labels[0] = Int32(label)
        var outputs = [Float](repeating: 0.5, count: width)
        outputs[place] = bad
        let measured = measure(loss, outputs, width: width, batch)
        #expect(!measured.evaluation.lossSum.isFinite && measured.evaluation.score == 0)
        let shows = measured.gradient.contains { !$0.isFinite }
        #expect(shows || isBinary)
      }
    }
  }

  @Test func dataThatDoNotSuitAreRefused() throws {
    let (numbers, classes, two, text) = (
      SampleShape(inputs: 3, targets: 2), SampleShape(inputs: 3, labels: 1, classes: 5),
      SampleShape(inputs: 3, labels: 1, classes: 2), SampleShape(tokens: 7, labels: 7, classes: 6)
    )
    for loss in Self.all {
      let found = [numbers, classes, two, text].map { try? loss.outputs(for: $0) }
      let expected: [Int?] =
        switch loss {
        case is CrossEntropy: [nil, 5, 2, 6]
        case is BinaryCrossEntropy: [2, nil, 1, nil]
        default: [2, 5, 2, nil]
        }
      #expect(found == expected, "\(loss)")
      #expect(loss.targetRange == (loss is BinaryCrossEntropy ? 0...1 : nil))
    }
    let message = #expect(throws: ExperimentError.self) {
      try CrossEntropy().outputs(for: numbers)
    }
    #expect(
      message?.description
        == "the loss cross-entropy needs labels: choose another loss, another model or other data")
  }

  /// Of a text, the loss is that of each token.
  @Test func aTextsLabelsAreSmoothed() throws {
    let text = SampleShape(tokens: 3, labels: 3, classes: 4)
    let smoothing = 0.2
    func network(_ loss: CrossEntropy) throws -> Network {
      try Network(for: text, loss: loss) { Embedding(4, deviation: 1) }
    }
    var batch = Batch(capacity: 2, shape: text)
    batch.count = 2
    for (index, token) in [0, 1, 2, 3, 1, 1].enumerated() { batch.tokens[index] = Int32(token) }
    // One label is not asked for.
    for (index, label) in [1, 3, 0, 2, -1, 0].enumerated() { batch.labels[index] = Int32(label) }
    let model = try network(CrossEntropy(labelSmoothing: smoothing))
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 3)
    let table = weights.tensors[0]
    var expected = 0.0
    for (sample, asked) in [(0, 3.0), (1, 2.0)] {
      for time in 0..<3 {
        let (token, label) = (
          Int(batch.tokens[3 * sample + time]), Int(batch.labels[3 * sample + time])
        )
        guard label >= 0 else { continue }
        let z = (0..<4).map { table[4 * token + $0] }
        let logarithm = log(z.reduce(0) { $0 + exp($1) })
        for (index, value) in z.enumerated() {
          let target = smoothing / 4 + (index == label ? 1 - smoothing : 0)
          expected += target * (logarithm - value) / asked
        }
      }
    }
    let evaluation = model.evaluate(batch, weights: weights)
    #expect(abs(evaluation.lossSum - expected) < 1e-12 * expected && evaluation.scored == 5)
    #expect(checkGradients(of: model, on: batch, at: weights).worst < 0.01)
    #expect(throws: ExperimentError.self) {
      try Network(for: text, loss: .squaredError) { Embedding(4) }
    }
  }

  @Test func networksHaveTheOutputsThatTheirLossWants() throws {
    let shape = SampleShape(inputs: 3, labels: 1, classes: 2)
    _ = try Network(for: shape, loss: .binaryCrossEntropy) { Dense(1) }
    let message = #expect(throws: ExperimentError.self) {
      try Network(for: shape, loss: .binaryCrossEntropy) { Dense(2) }
    }
    #expect(message?.description.hasSuffix(": let the last layer have width = 1") == true)
    let targets = try Network(
      for: SampleShape(inputs: 3, targets: 2), loss: .binaryCrossEntropy
    ) { Dense(2) }
    #expect(targets.targetRange == 0...1)
  }

  @Test func keysHaveTheirBounds() throws {
    func read(_ keys: [String]) throws -> any Loss {
      var reader = try ExperimentReader(text: "", source: "test", overrides: keys)
      try reader.enter("model")
      return try reader.kind("loss", of: Losses.self, "what is minimised") {
        (kind, keys) throws(ExperimentError) in try kind.init(&keys)
      }
    }
    #expect(try read([]) as? CrossEntropy == CrossEntropy())
    #expect(
      try read(["model.label_smoothing=0.2"]) as? CrossEntropy == CrossEntropy(labelSmoothing: 0.2))
    #expect(
      try read(["model.loss=huber", "model.huber_delta=0.5"]) as? Huber == Huber(delta: 0.5))
    for wrong in [
      ["model.label_smoothing=1"], ["model.label_smoothing=-0.1"],
      ["model.loss=huber", "model.huber_delta=0"],
    ] {
      #expect(throws: ExperimentError.self, "\(wrong)") { try read(wrong) }
    }
  }

  private func measure(
    _ loss: any Loss, _ outputs: [Float], width: Int, _ batch: borrowing Batch, scale: Float = 1
  ) -> (evaluation: Evaluation, gradient: [Float]) {
    let gradient = UnsafeMutableBufferPointer<Float>.allocate(capacity: outputs.count)
    defer { gradient.deallocate() }
    gradient.initialize(repeating: .nan)
    let evaluation = loss.measure(
      outputs, width: width, batch: batch, scale: scale, gradient: gradient.baseAddress!)
    let alone = loss.measure(outputs, width: width, batch: batch, scale: 1, gradient: nil)
    #expect(alone == evaluation || evaluation.lossSum.isNaN)
    return (evaluation, Array(gradient))
  }
}
