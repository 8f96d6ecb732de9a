import ExperimentKeys
import Models
import Testing
import Vectors

/// The gradient of every registered model and loss along random directions, compared with
/// differences of its own loss. A new kind takes part by being registered.
@Suite struct EveryModelGradientTests {
  /// Two kinds report a loss whose derivative is not the gradient that they train with: k-means
  /// changes its assignment of samples, and a policy's gradient is that of an expectation
  /// (`PolicyTests` compares it with its own oracle).
  static let others: Set = ["kmeans", "policy"]

  /// Keys that make a model small.
  static let small = [
    "cnn": ["channels=[4, 6]", "width=7"], "vae": ["hidden=9", "latent=3"],
    "rnn": ["embedding=5", "hidden=9"], "lstm": ["embedding=5", "hidden=9"],
    "network": ["layers=[{ width = 8, activation = \"tanh\" }, { width = \"classes\" }]"],
    "gpt": ["layers=2", "heads=2", "width=8"], "mlp": ["hidden=[8]", "activation=tanh"],
  ]

  static let kinds = Registry().all(ModelKinds.self).map { $0.kind }.filter { !others.contains($0) }
  static let losses = Registry().all(Losses.self).map { $0.kind }

  @Test(arguments: kinds) func agreesWithDifferencesOfTheLoss(_ kind: String) throws {
    try check(["model.kind=\(kind)"] + (Self.small[kind] ?? []).map { "model.\($0)" })
  }

  @Test(arguments: losses) func everyLossAgreesWithDifferences(_ loss: String) throws {
    try check(["model.hidden=[8]", "model.activation=tanh", "model.loss=\(loss)"])
  }

  private func check(_ keys: [String]) throws {
    var reader = try ExperimentReader(text: "", source: "test", overrides: keys)
    try reader.enter("model")
    let kind = try reader.kind("kind", of: ModelKinds.self, "what is trained") {
      (kind, keys) throws(ExperimentError) in try kind.init(&keys)
    }
    let (model, shape) = try Self.model(kind)
    let batch = Self.batch(shape)
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 3)
    var gradient = FlatVector(zeros: model.layout)
    _ = model.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: 1, accumulate: false
    ) { _, _ in }
    for seed in 0..<4 {
      var random = RandomStream(77, UInt64(seed))
      let direction = (0..<weights.count).map { _ in Float(random.gaussian()) }
      var slope = 0.0
      for segment in model.layout.segments {
        for index in segment.range { slope += Double(gradient.base[index] * direction[index]) }
      }
      func loss(_ step: Float) -> Double {
        let moved = FlatVector(copying: weights)
        for segment in model.layout.segments {
          for index in segment.range { moved.base[index] += step * direction[index] }
        }
        var unused = FlatVector(zeros: model.layout)
        return model.lossAndGradient(
          batch, weights: moved, into: &unused, scale: 1, accumulate: false
        ) { _, _ in }
      }
      let step: Float = 1e-3
      let difference = (loss(step) - loss(-step)) / (2 * Double(step))
      // The losses are of Float32 products, and a ReLU may have its corner between the two.
      let size = gradient.squaredNorm().squareRoot()
      #expect(
        abs(difference - slope) < 0.02 * max(abs(slope), size),
        "\(keys): \(difference), not \(slope)")
    }
  }

  /// The model on whichever samples it takes: numbers of several classes or of two, an image, or a
  /// text.
  private static func model(_ kind: any ModelKind) throws -> (any Model, SampleShape) {
    let shapes = [
      SampleShape(inputs: 9, labels: 1, classes: 4),
      SampleShape(inputs: 9, labels: 1, classes: 2),
      SampleShape(inputs: 64, labels: 1, classes: 4, image: .init(height: 8, width: 8)),
      SampleShape(tokens: 7, labels: 7, classes: 6),
    ]
    for shape in shapes {
      guard let model = try? kind.model(for: shape, seed: 1) else { continue }
      return (model, shape)
    }
    throw NoSamples(kind: "\(kind)")
  }

  private static func batch(_ shape: SampleShape) -> Batch {
    var batch = Batch(capacity: 5, shape: shape)
    var random = RandomStream(5)
    for index in batch.inputs.indices { batch.inputs[index] = Float(random.unit()) }
    for values in [batch.tokens, batch.labels] {
      for index in values.indices {
        values[index] = Int32(random.integer(below: UInt64(shape.classes)))
      }
    }
    for row in 0..<5 { batch.samples[row] = UInt32(row) }
    batch.count = 5
    return batch
  }

  private struct NoSamples: Error { var kind: String }
}
