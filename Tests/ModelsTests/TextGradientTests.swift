import BuiltInModels
import ExperimentKeys
import Glibc
import Models
import Testing
import Vectors

/// The text models, each layer in them, against central differences of an independent forward pass
/// in Double.
@Suite struct TextGradientTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let kind: ReferenceText.Kind
    let make: @Sendable () -> any TokenModel
    let texts: Texts
    var testDescription: String { "\(name), \(texts.tokens.count) × \(texts.length) tokens" }

    static func recurrent(
      _ cell: GatedCell, vocabulary: Int, embedding: Int, hidden: Int, _ texts: Texts
    ) -> Case {
      Case(
        name: "\(cell) \(embedding)-\(hidden)", kind: cell == .elman ? .elman : .lstm,
        make: {
          Network.recurrent(
            cell, vocabulary: vocabulary, context: texts.length, embedding: embedding,
            hidden: hidden)
        }, texts: texts)
    }

    static func gpt(layers: Int, heads: Int, width: Int, _ texts: Texts) -> Case {
      Case(
        name: "gpt \(layers), \(heads), \(width)", kind: .gpt(layers: layers, heads: heads),
        make: {
          Network.gpt(
            vocabulary: texts.vocabulary, context: texts.length, layers: layers, heads: heads,
            width: width)
        }, texts: texts)
    }
  }

  /// Narrower and wider than a vector, with remainders; one token; a vocabulary of which some
  /// tokens do not occur; labels that do not count in the loss.
  static let small: [Case] =
    [GatedCell.elman, .lstm].flatMap { cell in
      [
        Case.recurrent(
          cell, vocabulary: 7, embedding: 3, hidden: 5, Texts(4, length: 6, vocabulary: 7, seed: 1)),
        Case.recurrent(
          cell, vocabulary: 19, embedding: 18, hidden: 17,
          Texts(3, length: 4, vocabulary: 19, seed: 2)),
        Case.recurrent(
          cell, vocabulary: 5, embedding: 4, hidden: 3, Texts(3, length: 1, vocabulary: 5, seed: 3)),
        Case.recurrent(
          cell, vocabulary: 6, embedding: 4, hidden: 5,
          Texts(3, length: 9, vocabulary: 6, seed: 4) { $1 == 8 || $0 == 1 && $1 > 5 }),
      ]
    } + [
      Case.gpt(layers: 1, heads: 1, width: 4, Texts(3, length: 3, vocabulary: 5, seed: 1)),
      Case.gpt(layers: 2, heads: 2, width: 6, Texts(3, length: 5, vocabulary: 7, seed: 2)),
      Case.gpt(
        layers: 1, heads: 3, width: 18,
        Texts(2, length: 4, vocabulary: 19, seed: 3) { $1 > 1 || $0 == 1 }),
    ]

  /// Longer than one tile of attention, and sizes as in training.
  static let large: [Case] = [
    Case.recurrent(
      .elman, vocabulary: 33, embedding: 20, hidden: 70,
      Texts(9, length: 25, vocabulary: 33, seed: 5)),
    Case.recurrent(
      .lstm, vocabulary: 33, embedding: 20, hidden: 70,
      Texts(9, length: 25, vocabulary: 33, seed: 6)),
    Case.gpt(layers: 2, heads: 3, width: 48, Texts(2, length: 150, vocabulary: 33, seed: 7)),
    Case.gpt(layers: 1, heads: 2, width: 34, Texts(3, length: 64, vocabulary: 11, seed: 8)),
  ]

  /// Weights that are large enough for every gate, score and norm to matter.
  static func weights(_ model: some Model) -> FlatVector {
    var weights = FlatVector(zeros: model.layout)
    var random = RandomStream(11)
    for (index, segment) in model.layout.segments.enumerated() {
      let isNorm = segment.name.contains("ln_")
      let reach =
        isNorm || segment.shape.count == 1
        ? 0.5 : segment.name.contains("emb") ? 1 : 1.5 / Double(segment.shape[1]).squareRoot()
      weights.set(
        index,
        to: (0..<segment.count).map { _ in Float((isNorm ? 1 : 0) + random.uniform(-reach..<reach))
        })
    }
    return weights
  }

  /// The gradient at scale 0.25 over a vector of NaN, and the loss.
  private static func gradient(_ model: some Model, _ texts: Texts, _ weights: borrowing FlatVector)
    -> (loss: Double, tensors: [[Double]])
  {
    var gradient = FlatVector(zeros: model.layout)
    for (index, segment) in model.layout.segments.enumerated() {
      gradient.set(index, to: repeatElement(.nan, count: segment.count))
    }
    let loss = model.lossAndGradient(
      texts.batch(), weights: weights, into: &gradient, scale: 0.25, accumulate: false
    ) { _, _ in }
    return (loss, gradient.tensors)
  }

  @Test(arguments: small) func agreesWithCentralDifferences(_ test: Case) {
    let model = test.make()
    let weights = Self.weights(model)
    let reference = ReferenceText(kind: test.kind, layout: model.layout)
    let (loss, tensors) = Self.gradient(model, test.texts, weights)
    var values = weights.tensors
    let expected = reference.loss(values, test.texts)
    #expect(abs(loss - expected) < 1e-6 * abs(expected))
    for (tensor, segment) in model.layout.segments.enumerated() {
      let differences = values[tensor].indices.map { index in
        let value = values[tensor][index]
        defer { values[tensor][index] = value }
        values[tensor][index] = value + 1e-5
        let above = reference.loss(values, test.texts)
        values[tensor][index] = value - 1e-5
        return 0.25 * (above - reference.loss(values, test.texts)) / 2e-5
      }
      if differences.allSatisfy({ $0 == 0 }) {
        #expect(tensors[tensor].allSatisfy { $0 == 0 }, "\(segment.name)")
      } else {
        let error = relativeError(tensors[tensor], differences)
        #expect(error < GradientTests.bound, "\(segment.name): \(error)")
      }
    }
  }

  /// The derivative along a random direction in each tensor.
  @Test(arguments: large) func agreesAlongDirections(_ test: Case) {
    let model = test.make()
    let weights = Self.weights(model)
    let reference = ReferenceText(kind: test.kind, layout: model.layout)
    let (loss, tensors) = Self.gradient(model, test.texts, weights)
    let values = weights.tensors
    let expected = reference.loss(values, test.texts)
    #expect(abs(loss - expected) < 1e-6 * abs(expected))
    var random = RandomStream(12)
    for (tensor, segment) in model.layout.segments.enumerated() {
      // Mostly along the gradient, so that the derivative is no small difference of large terms.
      let norm = tensors[tensor].reduce(0) { $0 + $1 * $1 }.squareRoot()
      let direction = tensors[tensor].map {
        $0 / norm + random.gaussian() / Double(segment.count).squareRoot()
      }
      func loss(_ step: Double) -> Double {
        var moved = values
        for index in moved[tensor].indices { moved[tensor][index] += step * direction[index] }
        return reference.loss(moved, test.texts)
      }
      let difference = 0.25 * (loss(1e-5) - loss(-1e-5)) / 2e-5
      let product = zip(tensors[tensor], direction).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(
        abs(product - difference) < GradientTests.bound * norm,
        "\(segment.name): \(product), \(difference)")
    }
  }

  /// An infinite weight shows through a saturated gate and a softmax.
  @Test(arguments: small, [Float.infinity, -.infinity]) func infiniteWeightsShow(
    _ test: Case, _ bad: Float
  ) {
    let model = test.make()
    for segment in model.layout.segments {
      for index in [segment.range.lowerBound, segment.range.upperBound - 1] {
        let weights = Self.weights(model)
        weights.base[index] = bad
        var gradient = FlatVector(zeros: model.layout)
        let loss = model.lossAndGradient(
          test.texts.batch(), weights: weights, into: &gradient, scale: 1, accumulate: false
        ) { _, _ in }
        let squaredNorm = gradient.squaredNorm()
        #expect(
          !loss.isFinite || !squaredNorm.isFinite,
          "\(segment.name), element \(index - segment.range.lowerBound)")
      }
    }
  }

  /// The logits that `sample` reads: those after the last token, at once and token by token.
  @Test(arguments: small + large) func tokenByTokenGivesTheSameLogits(_ test: Case) {
    let model = test.make()
    let weights = Self.weights(model)
    let named = Dictionary(
      uniqueKeysWithValues: zip(model.layout.segments.map(\.name), weights.tensors))
    let tokens = test.texts.tokens[0]
    let expected = ReferenceText(kind: test.kind, layout: model.layout).logits(named, tokens)
    var memory = TokenMemory()
    for (time, token) in tokens.enumerated() {
      let next = model.read([Int32(token)], memory: &memory, weights: weights)
      #expect(relativeError(next.map(Double.init), expected[time]) < 3e-6, "token \(time)")
    }
    let whole = model.logits(after: tokens.map(Int32.init), weights: weights)
    #expect(relativeError(whole.map(Double.init), expected.last!) < 3e-6)
  }

  @Test func aTransformerForgetsWhatIsBeforeItsContext() {
    let model = Network.gpt(vocabulary: 9, context: 5, layers: 1, heads: 2, width: 8)
    let weights = Self.weights(model)
    let tokens: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8]
    let long = model.logits(after: tokens, weights: weights)
    let short = model.logits(after: tokens.suffix(5), weights: weights)
    var memory = TokenMemory()
    _ = model.read([1, 2, 3, 4, 5, 6], memory: &memory, weights: weights)
    let rest = model.read([7, 8], memory: &memory, weights: weights)
    #expect(long == short && rest == short)
    let other = model.logits(after: tokens.suffix(4), weights: weights)
    #expect(other != short)
  }

  /// The functions of a cell over all their range: one hidden unit, whose state is the output.
  @Test(arguments: [1e-20, 1e-6, 0.01, 0.3, 0.62, 0.63, 1, 3, 8, 20, 100, 3e38] as [Float])
  func gatesKeepTheirDigits(_ size: Float) {
    for z in [size, -size] {
      let elman = Network.recurrent(.elman, vocabulary: 1, context: 1, embedding: 1, hidden: 1)
      var weights = FlatVector(zeros: elman.layout)
      weights.set(3, to: [z])
      weights.set(4, to: [1])
      let state = elman.logits(after: [0], weights: weights)[0]
      let exact = Float(tanh(Double(z)))
      #expect(abs(state - exact) <= 2 * exact.ulp, "tanh \(z) is \(exact), not \(state)")
      // c = ½·tanh 20 = ½, so that h = sigmoid(z)·tanh ½.
      let lstm = Network.recurrent(.lstm, vocabulary: 1, context: 1, embedding: 1, hidden: 1)
      var gates = FlatVector(zeros: lstm.layout)
      gates.set(3, to: [0, 0, 20, z])
      gates.set(4, to: [1])
      let output = lstm.logits(after: [0], weights: gates)[0]
      let truth = 1 / (1 + exp(-Double(z))) * tanh(0.5)
      #expect(
        abs(Double(output) - truth) <= max(5e-7 * truth, 1e-37),
        "sigmoid \(z) · tanh ½ is \(truth), not \(output)")
    }
  }

  @Test func scoresCountTheLabelsAskedFor() {
    let model = Network.recurrent(.elman, vocabulary: 3, context: 4, embedding: 1, hidden: 1)
    var weights = FlatVector(zeros: model.layout)
    weights.set(5, to: [0, 2, 1])  // After any text, token 1 is the likeliest.
    var texts = Texts(3, length: 4, vocabulary: 3, seed: 1)
    texts.labels = [[1, 1, 0, 1], [-1, -1, -1, 1], [-1, -1, -1, -1]]
    let evaluation = model.evaluate(texts.batch(), weights: weights)
    #expect(evaluation.score == 4 && evaluation.scored == 5 && evaluation.count == 3)
    // log(1 + e² + e) less 2, or less 0 for the one wrong label, a quarter of its sample.
    let logSum = log(1 + exp(2.0) + exp(1.0))
    #expect(abs(evaluation.lossSum - (2 * (logSum - 2) + 0.5)) < 1e-12)
  }

  @Test func startsAsPyTorchAndNanoGPTDo() {
    func deviation(_ values: [Float]) -> Double {
      (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
    }
    let lstm = Network.recurrent(.lstm, vocabulary: 50, context: 9, embedding: 40, hidden: 64)
    var weights = FlatVector(zeros: lstm.layout)
    lstm.initialize(&weights, seed: 3)
    #expect(abs(deviation(weights["embedding.weight"]!) - 1) < 0.05)
    for name in ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_l0", "head.weight", "head.bias"]
    {
      let values = weights[name]!
      #expect(
        values.allSatisfy { abs($0) <= 0.125 } && values.contains { abs($0) > 0.11 }, "\(name)")
    }
    let gpt = Network.gpt(vocabulary: 60, context: 50, layers: 3, heads: 2, width: 40)
    var other = FlatVector(zeros: gpt.layout)
    gpt.initialize(&other, seed: 3)
    for segment in gpt.layout.segments {
      let values = other[segment.name]!
      if segment.name.contains("ln_") {
        #expect(values.allSatisfy { $0 == 1 })
      } else {
        let expected = segment.name.contains("c_proj") ? 0.02 / 6.0.squareRoot() : 0.02
        #expect(
          abs(deviation(values) / expected - 1) < 5 / (2 * Double(values.count)).squareRoot(),
          "\(segment.name)")
      }
    }
  }

  @Test(arguments: [RNNKind.self, LSTMKind.self, GPTKind.self] as [any ModelKind.Type])
  func dataThatAreNoTextAreRefused(
    _ kind: any ModelKind.Type
  ) throws {
    var keys = try ExperimentReader(text: "", source: "x.toml", overrides: [])
    try keys.enter("model")
    let recipe = try kind.init(&keys)
    #expect(
      try recipe.model(for: SampleShape(tokens: 8, labels: 8, classes: 5), seed: 1)
        is any TokenModel)
    for shape in [
      SampleShape(inputs: 4, labels: 1, classes: 5), SampleShape(tokens: 8, labels: 1, classes: 5),
    ] {
      let error = #expect(throws: ExperimentError.self) {
        _ = try recipe.model(for: shape, seed: 1)
      }
      #expect(error?.description.contains("model.kind \"\(kind.kind)\" needs a text") == true)
    }
  }

  @Test func namesAndShapesAreThoseOfTheContract() {
    let lstm = Network.recurrent(.lstm, vocabulary: 7, context: 4, embedding: 3, hidden: 5).layout
    #expect(
      lstm.segments.map(\.name) == [
        "embedding.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_l0", "head.weight",
        "head.bias",
      ])
    #expect(lstm.segments.map(\.shape) == [[7, 3], [20, 3], [20, 5], [20], [7, 5], [7]])
    #expect(
      Network.recurrent(.elman, vocabulary: 7, context: 4, embedding: 3, hidden: 5).layout.segments
        .map(\.shape)
        == [
          [7, 3], [5, 3], [5, 5], [5], [7, 5], [7],
        ])
    let gpt = Network.gpt(vocabulary: 7, context: 4, layers: 1, heads: 2, width: 6).layout
    #expect(
      gpt.segments.map { $0.name.replacing("transformer.", with: "") } == [
        "wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.attn.c_attn.weight",
        "h.0.attn.c_proj.weight", "h.0.ln_2.weight",
        "h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight", "ln_f.weight",
      ])
    #expect(
      gpt.segments.map(\.shape) == [
        [7, 6], [4, 6], [6], [18, 6], [6, 6], [6], [24, 6], [6, 24], [6],
      ])
  }

  @Test(arguments: [true, false]) func aTokenOrLabelOutsideTheVocabularyTraps(isToken: Bool) async {
    Self.evaluate(token: 2, label: -1)
    let result =
      if isToken {
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
          TextGradientTests.evaluate(token: 3, label: 0)
        }
      } else {
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
          TextGradientTests.evaluate(token: 0, label: -2)
        }
      }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      message.contains(
        isToken ? "token 3 or label 0 at 1 of sample 0" : "token 0 or label -2 at 1 of sample 0"))
  }

  static func evaluate(token: Int32, label: Int32) {
    let model = Network.recurrent(.elman, vocabulary: 3, context: 2, embedding: 1, hidden: 1)
    var batch = Batch(capacity: 1, shape: SampleShape(tokens: 2, labels: 2, classes: 3))
    batch.count = 1
    batch.tokens[1] = token
    batch.labels[1] = label
    _ = model.evaluate(batch, weights: FlatVector(zeros: model.layout))
  }
}
