import ExperimentKeys
import Vectors

/// A variational autoencoder (Kingma and Welling 2013) of one hidden layer each way, for inputs in
/// 0...1; its loss is -ELBO, in nats a sample.
///
/// Tensors are those of PyTorch's example: `fc1` inputs → hidden, ReLU; `fc21` and `fc22` hidden →
/// mean and logarithm of the variance; `fc3` latent → hidden, ReLU; `fc4` hidden → a logit for each
/// input.
public final class VAE: Model, ImageGenerator {
  public let image: SampleShape.Image
  private let network: Network
  /// The second half by itself, from latent variables to pictures.
  private let decoder: Network

  /// `image` is the inputs' shape; `seed` that of the noise.
  ///
  /// - Throws: where a layer would have more parameters than a network may have.
  public init(
    image: SampleShape.Image, hidden: Int, latent: Int, seed: UInt64,
    initialization: Initialization = .standard
  ) throws(ExperimentError) {
    let inputs = image.channels * image.height * image.width
    precondition(
      [inputs, hidden, latent].allSatisfy { $0 > 0 },
      "a layer needs at least one input and one output")
    func dense(_ name: String, _ width: Int, _ activation: Activation? = nil) -> any LayerKind {
      Dense(.count(width), activation, initialization: initialization).named(name)
    }
    let decoding = [dense("fc3", hidden, .relu), dense("fc4", inputs)]
    network = try Network(for: SampleShape(inputs: inputs), loss: Reconstruction(), seed: seed) {
      dense("fc1", hidden, .relu)
      LatentCode(mean: dense("fc21", latent), logVariance: dense("fc22", latent)).named("")
      decoding
    }
    decoder = try Network(
      for: SampleShape(inputs: latent, targets: inputs), loss: .binaryCrossEntropy
    ) { decoding }
    self.image = image
  }

  public var layout: TensorLayout { network.layout }
  public var compute: ComputeContext { network.compute }
  public var asksForWeights: Bool { network.asksForWeights }
  public var obstacleToSamples: String? { network.obstacleToSamples }
  public var layerSummaries: [LayerSummary] { network.layerSummaries }
  /// Bernoulli's: beyond it −x·log p has no minimum, and the loss falls for ever.
  public var inputRange: ClosedRange<Float>? { 0...1 }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    network.initialize(&weights, seed: seed)
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    network.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: scale, accumulate: accumulate,
      finished: finished)
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    network.evaluate(batch, weights: weights)
  }

  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? {
    network.multiplyAdds(samples: samples, of: shape)
  }

  /// ASCII "picture": what the random stream of a picture's latent variables is for.
  private static let purpose: UInt64 = 0x70_6963_7475_7265

  public func generate(_ count: Int, seed: UInt64, weights: borrowing FlatVector) -> [Float] {
    guard count > 0 else { return [] }
    var tensors = FlatVector(zeros: decoder.layout)
    for segment in decoder.layout.segments.indices {
      tensors.set(segment, to: weights[decoder.layout.segments[segment].name]!)
    }
    var codes = Batch(capacity: count, shape: decoder.samples)
    codes.count = count
    for picture in 0..<count {
      var random = RandomStream(seed, Self.purpose, UInt64(picture))
      for index in 0..<decoder.samples.inputs {
        codes.inputs[picture * decoder.samples.inputs + index] = Float(random.gaussian())
      }
    }
    let (logits, width) = (decoder.outputs(codes, weights: tensors), decoder.outputWidth)
    return [Float](unsafeUninitializedCapacity: count * width) { pictures, initialized in
      for first in stride(from: 0, to: count * width, by: width) {
        _ = decoder.loss.predict(
          logits + first, width: width, of: decoder.samples, into: pictures.baseAddress! + first)
      }
      initialized = count * width
    }
  }
}

/// `model.kind = "vae"`.
public struct VAEKind: ModelKind {
  public static let kind = "vae"
  public static let summary =
    "A variational autoencoder of images; its loss is −ELBO in nats, for inputs from 0 to 1: others are refused, with their file and row."
  public let hidden: Int
  public let latent: Int
  public let initialization: Initialization

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    hidden = try keys.integer(
      "hidden", default: 400, in: 1...(1 << 20), "width of the hidden layers")
    latent = try keys.integer("latent", default: 20, in: 1...(1 << 16), "dimensions of the code")
    initialization = try Initialization(&keys)
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    guard samples.inputs > 0 else { throw mismatch("images, or other numbers from 0 to 1") }
    return try VAE(
      image: samples.image ?? SampleShape.Image(height: 1, width: samples.inputs), hidden: hidden,
      latent: latent, seed: seed, initialization: initialization)
  }
}
