import BuiltInModels
import ExperimentKeys
import Models
import Testing
import Vectors

@Suite struct CNNTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var image: SampleShape.Image
    var channels: [Int]
    var initialization = Initialization.standard

    var testDescription: String { "\(image.channels)×\(image.height)×\(image.width) \(channels)" }
    var reference: ReferenceCNN {
      ReferenceCNN(
        planes: image.channels, height: image.height, width: image.width, channels: channels)
    }

    func model() -> Network {
      Network.cnn(
        image: image, classes: 4, channels: channels, width: 6, initialization: initialization)
    }

    func samples(_ count: Int, seed: UInt64) -> Samples {
      Samples(count, width: image.channels * image.height * image.width, classes: 4, seed: seed)
    }
  }

  /// Odd sides, whose last row or column pooling drops; channels that fill blocks of 8 or 16, and
  /// that do not; images of several planes. Three small stages would be dead from PyTorch's start.
  static let cases = [
    Case(image: .init(height: 8, width: 8), channels: [16, 8]),
    Case(image: .init(height: 7, width: 9), channels: [5, 18]),
    Case(image: .init(channels: 3, height: 6, width: 5), channels: [3, 2]),
    Case(image: .init(channels: 2, height: 2, width: 3), channels: [17]),
    Case(image: .init(height: 8, width: 9), channels: [6, 5, 7], initialization: .kaiming),
  ]

  /// Float32 rounds some 6e-8 a step, over sums of at most 200 terms: 2e-6 leaves room for that and
  /// for no wrong term.
  @Test(arguments: cases) func agreesWithCentralDifferences(_ test: Case) throws {
    let model = test.model()
    // Weights and samples away from kinks: a difference across a kink is no derivative.
    for seed in 1..<200 as Range<UInt64> {
      var weights = FlatVector(zeros: model.layout)
      model.initialize(&weights, seed: seed)
      let samples = test.samples(3, seed: seed)
      var margin = Double.infinity
      let expected = test.reference.loss(weights.tensors, samples, margin: &margin)
      guard margin > 2e-5 else { continue }
      var gradient = FlatVector(zeros: model.layout)
      for segment in model.layout.segments.indices {
        gradient.set(segment, to: repeatElement(.nan, count: model.layout.segments[segment].count))
      }
      let loss = model.lossAndGradient(
        samples.batch(spare: 2), weights: weights, into: &gradient, scale: 0.25, accumulate: false
      ) { _, _ in }
      #expect(abs(loss - expected) < 1e-6 * expected)
      let differences = centralDifferences(weights.tensors, step: 1e-6) {
        var ignored = Double.infinity
        return test.reference.loss($0, samples, margin: &ignored)
      }
      for (index, (actual, difference)) in zip(gradient.tensors, differences).enumerated() {
        let error = relativeError(actual, difference.map { 0.25 * $0 })
        #expect(error < 2e-6, "\(model.layout.segments[index].name)")
      }
      return
    }
    Issue.record("every seed is near a kink")
  }

  @Test func namesAndShapesAreThoseOfPyTorch() {
    let layout = Network.cnn(
      image: .init(height: 28, width: 28), classes: 10, channels: [32, 64], width: 128
    ).layout
    #expect(
      layout.segments.map(\.name) == [
        "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias",
        "fc2.weight", "fc2.bias",
      ])
    #expect(
      layout.segments.map(\.shape) == [
        [32, 1, 3, 3], [32], [64, 32, 3, 3], [64], [128, 3136], [128], [10, 128], [10],
      ])
  }

  /// A weight or pixel that is not finite shows through ReLU and pooling.
  @Test(arguments: [Float.nan, .infinity, -.infinity]) func nonFiniteValuesShow(_ bad: Float) {
    let test = Self.cases[1]
    let model = test.model()
    for tensor in -1..<model.layout.segments.count {
      var weights = FlatVector(zeros: model.layout)
      model.initialize(&weights, seed: 4)
      let batch = test.samples(3, seed: 3).batch()
      if tensor < 0 {
        batch.inputs[70] = bad
      } else {
        weights.base[model.layout.segments[tensor].range.lowerBound] = bad
      }
      var gradient = FlatVector(zeros: model.layout)
      let loss = model.lossAndGradient(
        batch, weights: weights, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      let squares = gradient.squaredNorm()
      #expect(!loss.isFinite || !squares.isFinite, "tensor \(tensor)")
    }
  }

  @Test func dataThatAreNoImagesAreRefused() throws {
    func message(_ keys: String, _ shape: SampleShape) -> String {
      do {
        var reader = try ExperimentReader(text: keys, source: "t.toml", overrides: [])
        try reader.enter("model")
        _ = try CNNKind(&reader).model(for: shape, seed: 1)
        return "accepted"
      } catch { return "\(error)" }
    }
    let small = SampleShape(inputs: 20, labels: 1, classes: 3, image: .init(height: 4, width: 5))
    #expect(message("", small) == "accepted")
    #expect(
      message("[model]\nchannels = [4, 4, 4]", small).contains(
        "at least 8×8 pixels for 3 convolutions, not 4×5"))
    #expect(message("", SampleShape(inputs: 20, labels: 1, classes: 3)).contains("needs images"))
    #expect(message("[model]\nchannels = []", small).contains("t.toml:2"))
  }
}
