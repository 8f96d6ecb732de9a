import Glibc
import Models
import Testing
import Vectors

@Suite struct VAETests {
  private static let (inputs, hidden, latent, seed) = (11, 7, 3, UInt64(6))

  private static func model() -> VAE {
    try! VAE(image: .init(height: 1, width: inputs), hidden: hidden, latent: latent, seed: seed)
  }

  private static func weights(_ model: VAE, seed: UInt64 = 4) -> FlatVector {
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: seed)
    return weights
  }

  /// Pixels in 0...1, with the two ends among them.
  private static var samples: Samples {
    var samples = Samples(5, width: inputs, classes: 1, seed: 3)
    samples.inputs = samples.inputs.map { $0.map { max(0, min(1, Double(Float($0 * 0.8 + 0.4)))) } }
    return samples
  }

  /// -ELBO as Kingma and Welling write it, in Double, one value at a time, with the noise of an
  /// epoch.
  private static func loss(_ w: [[Double]], _ samples: Samples, epoch: Int, margin: inout Double)
    -> Double
  {
    func dense(_ x: [Double], _ layer: Int) -> [Double] {
      w[2 * layer + 1].indices.map { output in
        x.indices.reduce(w[2 * layer + 1][output]) {
          $0 + w[2 * layer][output * x.count + $1] * x[$1]
        }
      }
    }
    func relu(_ x: [Double]) -> [Double] {
      x.map { value in
        margin = min(margin, abs(value))
        return max(0, value)
      }
    }
    var total = 0.0
    for (index, x) in samples.inputs.enumerated() {
      let code = relu(dense(x, 0))
      let (mean, logVariance) = (dense(code, 1), dense(code, 2))
      var random = RandomStream(seed, 0x6C61_7465_6E74, UInt64(epoch), UInt64(index))
      let z = mean.indices.map {
        mean[$0] + exp(logVariance[$0] / 2) * Double(Float(random.gaussian()))
      }
      let probabilities = dense(relu(dense(z, 3)), 4).map { 1 / (1 + exp(-$0)) }
      for (pixel, p) in zip(x, probabilities) { total -= pixel * log(p) + (1 - pixel) * log(1 - p) }
      for (m, l) in zip(mean, logVariance) { total -= 0.5 * (1 + l - m * m - exp(l)) }
    }
    return total
  }

  @Test(arguments: [0, 3]) func agreesWithCentralDifferences(epoch: Int) throws {
    let model = Self.model()
    let weights = Self.weights(model)
    var gradient = FlatVector(zeros: model.layout)
    var batch = Self.samples.batch(spare: 3)
    batch.epoch = epoch
    let loss = model.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: 0.25, accumulate: false
    ) { _, _ in }
    var margin = Double.infinity
    let expected = Self.loss(weights.tensors, Self.samples, epoch: epoch, margin: &margin)
    try #require(margin > 1e-4)
    #expect(abs(loss - expected) < 1e-6 * expected)
    let differences = centralDifferences(weights.tensors, step: 1e-5) {
      var ignored = Double.infinity
      return Self.loss($0, Self.samples, epoch: epoch, margin: &ignored)
    }
    for (index, (actual, difference)) in zip(gradient.tensors, differences).enumerated() {
      let error = relativeError(actual, difference.map { 0.25 * $0 })
      #expect(error < 2e-6, "\(model.layout.segments[index].name)")
    }
  }

  @Test func namesAndShapesAreThoseOfPyTorchsExample() {
    let layout = try! VAE(image: .init(height: 28, width: 28), hidden: 400, latent: 20, seed: 1)
      .layout
    #expect(
      layout.segments.filter { $0.name.hasSuffix("weight") }.map { "\($0.name) \($0.shape)" } == [
        "fc1.weight [400, 784]", "fc21.weight [20, 400]", "fc22.weight [20, 400]",
        "fc3.weight [400, 20]", "fc4.weight [784, 400]",
      ])
  }

  /// A sample has the same noise in any row of any batch, and other noise in another epoch.
  @Test func noiseBelongsToTheSample() {
    let model = Self.model()
    let weights = Self.weights(model)
    func loss(_ range: Range<Int>, epoch: Int = 0) -> Double {
      var batch = Self.samples.batch(range)
      batch.epoch = epoch
      return model.evaluate(batch, weights: weights).lossSum
    }
    let each = (0..<5).map { loss($0..<$0 + 1) }
    #expect(abs(loss(0..<5) - each.reduce(0, +)) < 1e-5)
    #expect(abs(loss(2..<5) - each[2...].reduce(0, +)) < 1e-5)
    #expect(loss(0..<5) == loss(0..<5))
    #expect(abs(loss(0..<5, epoch: 1) - loss(0..<5)) > 1e-3)
  }

  /// Far from zero the likelihood is linear in the logit; the sum over thousands of pixels is
  /// accurate.
  @Test func theLikelihoodOfExtremeLogitsIsExact() {
    let model = try! VAE(image: .init(height: 100, width: 203), hidden: 1, latent: 1, seed: 1)
    var weights = FlatVector(zeros: model.layout)
    var random = RandomStream(5)
    let logits = (0..<20300).map { _ in Float(random.uniform(-1..<1) * 200) }
    weights.set(model.layout.index(named: "fc4.bias")!, to: logits)
    var batch = Batch(capacity: 1, shape: SampleShape(inputs: 20300))
    batch.count = 1
    for index in 0..<20300 { batch.inputs[index] = Float(index % 3) / 2 }
    var expected = 0.0
    for (index, logit) in logits.enumerated() {
      let (z, x) = (Double(logit), Double(index % 3) / 2)
      expected += max(z, 0) - z * x + log1p(exp(-abs(z)))
    }
    // The layer of the logits adds nothing: all weights but the last bias are zero, and so is the
    // divergence.
    #expect(abs(model.evaluate(batch, weights: weights).lossSum - expected) < 1e-13 * expected)
  }

  @Test func picturesAreAFunctionOfSeedAndWeights() {
    let model = Self.model()
    let weights = Self.weights(model)
    let pictures = model.generate(4, seed: 1, weights: weights)
    #expect(pictures.count == 4 * Self.inputs && pictures.allSatisfy { $0 > 0 && $0 < 1 })
    #expect(
      Array(model.generate(2, seed: 1, weights: weights)) == Array(pictures[..<(2 * Self.inputs)]))
    #expect(model.generate(4, seed: 2, weights: weights) != pictures)
    #expect(Set(pictures).count > 3 * Self.inputs)
  }

  /// With all weights zero but the last bias every picture is that bias's sigmoid.
  @Test func picturesAreProbabilities() {
    let model = Self.model()
    var weights = FlatVector(zeros: model.layout)
    weights.set(model.layout.index(named: "fc4.bias")!, to: (0..<Self.inputs).map { Float($0) - 5 })
    for (index, pixel) in model.generate(2, seed: 1, weights: weights).enumerated() {
      #expect(abs(Double(pixel) - 1 / (1 + exp(5 - Double(index % Self.inputs)))) < 1e-7)
    }
  }
}
