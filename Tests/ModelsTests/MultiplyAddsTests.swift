import BuiltInModels
import Models
import Testing
import Vectors

/// The multiply-adds of a step, against counts of each product's three dimensions.
@Suite struct MultiplyAddsTests {
  @Test func aPerceptronsProductsAreCounted() {
    // Each layer forward and its weight's gradient; the inputs' gradient of all but the first.
    let model = Network.mlp(inputWidth: 784, hidden: [1024, 1024], outputWidth: 10)
    let layers = [(784, 1024), (1024, 1024), (1024, 10)]
    let expected = layers.enumerated().reduce(0) {
      $0 + 64 * $1.element.0 * $1.element.1 * ($1.offset == 0 ? 2 : 3)
    }
    #expect(
      model.multiplyAdds(samples: 64, of: SampleShape(inputs: 784, labels: 1, classes: 10))
        == expected)
  }

  @Test func aConvolutionsProductsAreCounted() {
    let image = SampleShape.Image(height: 28, width: 28)
    let model = Network.cnn(image: image, classes: 10, channels: [32, 64], width: 128)
    let first = 28 * 28 * 32 * 9
    let second = 14 * 14 * 64 * 32 * 9
    let dense = 3136 * 128 + 128 * 10
    let shape = SampleShape(inputs: 784, labels: 1, classes: 10, image: image)
    #expect(model.multiplyAdds(samples: 5, of: shape) == 5 * (2 * first + 3 * second + 3 * dense))
  }

  @Test func aRecurrentNetworksProductsAreCounted() {
    let model = Network.recurrent(.lstm, vocabulary: 96, context: 64, embedding: 64, hidden: 256)
    let (samples, length) = (32, 64)
    var expected = 3 * 96 * 64 * 1024
    for time in 0..<length {
      // Forward, the weight's gradient, and the gradient for the step before.
      expected += samples * 256 * 1024 * (time == 0 ? 2 : 3)
      expected += 3 * samples * 256 * 96
    }
    #expect(
      model.multiplyAdds(
        samples: samples, of: SampleShape(tokens: length, labels: length, classes: 96)) == expected)
  }

  @Test func aTransformersProductsAreCounted() {
    let (layers, heads, width, length, samples) = (6, 6, 384, 256, 4)
    let model = Network.gpt(
      vocabulary: 96, context: length, layers: layers, heads: heads, width: width)
    var attention = 0
    for query in 0..<length { attention += 6 * heads * (query + 1) * (width / heads) }
    let weights = width * 3 * width + width * width + 2 * width * 4 * width
    let expected = samples * (layers * (attention + 3 * length * weights) + 3 * length * width * 96)
    #expect(
      model.multiplyAdds(
        samples: samples, of: SampleShape(tokens: length, labels: length, classes: 96)) == expected)
  }
}
