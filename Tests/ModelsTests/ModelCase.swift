import BuiltInModels
import Models
import Testing
import Vectors

/// A model and samples for it, one line for each kind: the tests of the contract run over all.
struct ModelCase: CustomTestStringConvertible, Sendable {
  let name: String
  /// Whether evaluating a batch gives the loss of training. A policy's does not: it then takes the
  /// likeliest action.
  var evaluatesAsTrained = true
  let model: @Sendable () -> any Model
  /// The samples of a range as a batch with room for more. There are ``ModelCase/count`` samples.
  let batch: @Sendable (_ range: Range<Int>, _ spare: Int) -> Batch

  static let count = 11

  var testDescription: String { name }

  static let all: [ModelCase] = [
    perceptron(.crossEntropy), perceptron(.squaredError), perceptron(.huber),
    perceptron(CrossEntropy(labelSmoothing: 0.1)),
    text("rnn") { Network.recurrent(.elman, vocabulary: 6, context: 7, embedding: 5, hidden: 19) },
    text("lstm") { Network.recurrent(.lstm, vocabulary: 6, context: 7, embedding: 5, hidden: 9) },
    text("gpt") { Network.gpt(vocabulary: 6, context: 7, layers: 2, heads: 2, width: 10) },
    numbers("cnn", 64) {
      Network.cnn(image: .init(height: 8, width: 8), classes: 6, channels: [16, 8], width: 9)
    },
    numbers("cnn, odd", 3 * 7 * 9) {
      Network.cnn(
        image: .init(channels: 3, height: 7, width: 9), classes: 6, channels: [5, 18], width: 9)
    },
    numbers("vae", 13) {
      try! VAE(image: .init(height: 1, width: 13), hidden: 9, latent: 5, seed: 2)
    },
    numbers("kmeans", 5) { KMeans(clusters: 4, inputs: 5) },
    episodes,
  ]

  private static let episodes = ModelCase(name: "policy", evaluatesAsTrained: false) {
    Policy(hidden: [11, 5], seed: 3)
  } batch: {
    PolicyTests.batch($0.map(UInt32.init), spare: $1)
  }

  private static func perceptron(_ loss: any Loss) -> ModelCase {
    let samples = Samples(count, width: 13, classes: 6, seed: 8)
    return ModelCase(name: "mlp, \(loss)") {
      Network.mlp(inputWidth: 13, hidden: [20, 9], outputWidth: 6, activation: .tanh, loss: loss)
    } batch: {
      samples.batch($0, spare: $1)
    }
  }

  private static func numbers(
    _ name: String, _ width: Int, _ model: @escaping @Sendable () -> any Model
  ) -> ModelCase {
    let samples = Samples(count, width: width, classes: 6, seed: 8)
    return ModelCase(name: name, model: model) { samples.batch($0, spare: $1) }
  }

  private static func text(_ name: String, _ model: @escaping @Sendable () -> any Model)
    -> ModelCase
  {
    // Not every label counts, so that samples differ in how many do.
    let texts = Texts(count, length: 7, vocabulary: 6, seed: 8) { $0 != 2 || $1 > 3 }
    return ModelCase(name: name, model: model) { texts.batch($0, spare: $1) }
  }
}
