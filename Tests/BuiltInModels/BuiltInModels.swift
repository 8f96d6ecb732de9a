import Models
import Vectors

/// The built-in models by their sizes alone, for samples that suit them.
extension Network {
  public static func mlp(
    inputWidth: Int, hidden: [Int], outputWidth: Int, activation: Activation = .relu,
    loss: any Loss = .crossEntropy, initialization: Initialization = .standard
  ) -> Network {
    // Several probabilities are targets, one is that of the second of two classes.
    let hasTargets = loss is BinaryCrossEntropy && outputWidth > 1 || outputWidth == 1
    return made {
      try perceptron(
        for: hasTargets
          ? SampleShape(inputs: inputWidth, targets: outputWidth)
          : SampleShape(inputs: inputWidth, labels: 1, classes: outputWidth),
        hidden: hidden, activation: activation, loss: loss, initialization: initialization)
    }
  }

  public static func cnn(
    image: SampleShape.Image, classes: Int, channels: [Int], width: Int,
    initialization: Initialization = .standard
  ) -> Network {
    made {
      try convolutional(
        for: SampleShape(
          inputs: image.channels * image.height * image.width, labels: 1, classes: classes,
          image: image),
        channels: channels, width: width, initialization: initialization)
    }
  }

  public static func recurrent(
    _ cell: GatedCell, vocabulary: Int, context: Int, embedding: Int, hidden: Int
  ) -> Network {
    made {
      try recurrent(
        cell, for: SampleShape(tokens: context, labels: context, classes: vocabulary),
        embedding: embedding, hidden: hidden)
    }
  }

  public static func gpt(vocabulary: Int, context: Int, layers: Int, heads: Int, width: Int)
    -> Network
  {
    made {
      try transformer(
        for: SampleShape(tokens: context, labels: context, classes: vocabulary), layers: layers,
        heads: heads, width: width)
    }
  }

  private static func made(_ make: () throws -> Network) -> Network {
    do { return try make() } catch { fatalError("\(error)") }
  }
}
