import ExperimentKeys
import Vectors

extension Network {
  /// A convolutional classifier: stages of 3×3 convolution, ReLU and 2×2 max-pooling, then two fully
  /// connected layers and the cross-entropy.
  ///
  /// Tensors are `convI.weight [channels, inputs, 3, 3]`, `convI.bias`, I from 1, then `fc1` and
  /// `fc2` as PyTorch's `nn.Linear`; `fc1` reads the last stage in the order of channel, row, column.
  package static func convolutional(
    for samples: SampleShape, channels: [Int], width: Int,
    initialization: Initialization = .standard
  ) throws(ExperimentError) -> Network {
    try Network(for: samples) {
      for (index, count) in channels.enumerated() {
        Conv(beforeReLU: count, initialization: initialization).named("conv\(index + 1)")
        ReLU()
        MaxPool(2)
      }
      Flatten()
      Dense(.count(width), .relu, initialization: initialization).named("fc1")
      Dense(.classes, initialization: initialization).named("fc2")
    }
  }
}

/// `model.kind = "cnn"`: two stages by default, for images of any size that they do not halve to
/// nothing.
public struct CNNKind: ModelKind {
  public static let kind = "cnn"
  public static let summary = "3×3 convolutions with ReLU and 2×2 maximum pooling, then two layers."
  public let channels: [Int]
  public let width: Int
  public let initialization: Initialization

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    channels = try keys.integers(
      "channels", default: [32, 64], in: 1...(1 << 14), "channels of each convolution")
    guard (1...16).contains(channels.count) else {
      throw keys.error(
        "channels",
        "\(channels.count) convolutions; give the channels of 1 to 16, each of which halves the image"
      )
    }
    width = try keys.integer(
      "width", default: 128, in: 1...(1 << 20), "width of the layer after them")
    initialization = try Initialization(&keys)
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    guard let image = samples.image, samples.labels == 1, samples.classes > 0 else {
      throw mismatch("images with a label each")
    }
    let least = 1 << channels.count
    guard image.height >= least, image.width >= least else {
      throw mismatch(
        "images of at least \(least)×\(least) pixels for \(channels.count) convolutions, not \(image.height)×\(image.width)"
      )
    }
    return try Network.convolutional(
      for: samples, channels: channels, width: width, initialization: initialization)
  }
}
