import CVectorKernels
import ExperimentKeys
import Vectors

/// A variational autoencoder (Kingma and Welling 2013) of one hidden layer each way, for inputs in
/// 0...1; its loss is -ELBO, in nats a sample.
///
/// Tensors are those of PyTorch's example: `fc1` inputs → hidden, ReLU; `fc21` and `fc22` hidden →
/// mean and logarithm of the variance; `fc3` latent → hidden, ReLU; `fc4` hidden → a logit for each
/// input. The noise is a function of (seed, epoch, sample), so never of a rank; a sample has new
/// noise in each epoch, and when evaluated, as part of epoch 0, always the same.
///
/// It is no composition of layers: its loss has a part in its middle, the divergence, and its
/// targets are its inputs.
public final class VAE: Model, ImageGenerator {
  public let layout: TensorLayout
  public let compute = ComputeContext()
  public let image: SampleShape.Image
  private let seed: UInt64
  private let initialization: Initialization
  private let encoder, mean, logVariance, decoder, output: Linear
  private let results = (
    encoder: Workspace(), mean: Workspace(), logVariance: Workspace(), noise: Workspace(),
    latent: Workspace(), decoder: Workspace(), output: Workspace()
  )
  private let gradients = (
    output: Workspace(), hidden: Workspace(), latent: Workspace(), logVariance: Workspace()
  )

  /// `image` is the inputs' shape; `seed` that of the noise.
  public init(
    image: SampleShape.Image, hidden: Int, latent: Int, seed: UInt64,
    initialization: Initialization = .standard
  ) {
    let inputs = image.channels * image.height * image.width
    precondition(
      [inputs, hidden, latent].allSatisfy { $0 > 0 },
      "a layer needs at least one input and one output")
    var layout = TensorLayout()
    encoder = Linear(
      "fc1", inputs: inputs, outputs: hidden, activation: .relu, in: &layout, by: compute)
    mean = Linear(
      "fc21", inputs: hidden, outputs: latent, activation: nil, in: &layout, by: compute)
    logVariance = Linear(
      "fc22", inputs: hidden, outputs: latent, activation: nil, in: &layout, by: compute)
    decoder = Linear(
      "fc3", inputs: latent, outputs: hidden, activation: .relu, in: &layout, by: compute)
    output = Linear(
      "fc4", inputs: hidden, outputs: inputs, activation: nil, in: &layout, by: compute)
    self.layout = layout
    self.image = image
    self.seed = seed
    self.initialization = initialization
  }

  /// Bernoulli's: beyond it −x·log p has no minimum, and the loss falls for ever.
  public var inputRange: ClosedRange<Float>? { 0...1 }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for layer in [encoder, mean, logVariance, decoder, output] {
      layer.initialize(&weights, seed: seed, by: initialization)
    }
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    let rows = batch.count
    guard rows > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    let divergence = forward(batch, weights: weights)
    gradients.output.reserve(batch.capacity * output.outputs)
    gradients.hidden.reserve(batch.capacity * decoder.outputs)
    gradients.latent.reserve(batch.capacity * mean.outputs)
    gradients.logVariance.reserve(batch.capacity * mean.outputs)
    let (dOutput, dHidden, dLatent) = (
      gradients.output.base, gradients.hidden.base, gradients.latent.base
    )
    let reconstruction = cvk_bernoulli(
      results.output.base, batch.inputs.baseAddress!, rows * output.outputs, Double(scale),
      dOutput)

    output.backward(
      dOutput, x: results.decoder.base, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    output.backward(dOutput, rows: rows, weights: weights, toInputs: dHidden)
    Activation.relu.backward(dHidden, results: results.decoder.base, count: rows * decoder.outputs)
    decoder.backward(
      dHidden, x: results.latent.base, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    decoder.backward(dHidden, rows: rows, weights: weights, toInputs: dLatent)

    let dLogVariance = gradients.logVariance.base
    cvk_draw_latent_backward(
      dLatent, dLogVariance, results.mean.base, results.logVariance.base, results.noise.base, scale,
      rows * mean.outputs)
    logVariance.backward(
      dLogVariance, x: results.encoder.base, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    mean.backward(
      dLatent, x: results.encoder.base, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    logVariance.backward(dLogVariance, rows: rows, weights: weights, toInputs: dHidden)
    mean.backward(dLatent, rows: rows, weights: weights, toInputs: dHidden, accumulate: true)
    Activation.relu.backward(dHidden, results: results.encoder.base, count: rows * encoder.outputs)
    encoder.backward(
      dHidden, x: batch.inputs.baseAddress!, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    return reconstruction + divergence
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    let divergence = forward(batch, weights: weights)
    let reconstruction = cvk_bernoulli(
      results.output.base, batch.inputs.baseAddress!, batch.count * output.outputs, 1, nil)
    return Evaluation(lossSum: reconstruction + divergence, count: batch.count)
  }

  public func generate(_ count: Int, seed: UInt64, weights: borrowing FlatVector) -> [Float] {
    reserve(count)
    for picture in 0..<count {
      var random = RandomStream(seed, Purpose.pictures, UInt64(picture))
      for index in 0..<decoder.inputs {
        results.latent.base[picture * decoder.inputs + index] = Float(random.gaussian())
      }
    }
    decode(rows: count, weights: weights)
    Activation.sigmoid.forward(
      results.output.base, bias: [Float](repeating: 0, count: output.outputs), rows: count,
      columns: output.outputs)
    return Array(UnsafeBufferPointer(start: results.output.base, count: count * output.outputs))
  }

  /// What a random stream is for: the second integer of its key.
  private enum Purpose {
    /// ASCII "latent".
    static let noise: UInt64 = 0x6C61_7465_6E74
    /// ASCII "picture".
    static let pictures: UInt64 = 0x70_6963_7475_7265
  }

  private func reserve(_ rows: Int) {
    results.encoder.reserve(rows * encoder.outputs)
    for scratch in [results.mean, results.logVariance, results.noise, results.latent] {
      scratch.reserve(rows * mean.outputs)
    }
    results.decoder.reserve(rows * decoder.outputs)
    results.output.reserve(rows * output.outputs)
  }

  /// Runs all layers and returns the divergence of the latent variables' distributions from N(0,
  /// 1), summed over the samples.
  private func forward(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Double {
    precondition(
      batch.shape.inputs == encoder.inputs,
      "samples of \(batch.shape.inputs) values cannot go into a model of \(encoder.inputs) inputs")
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    let rows = batch.count
    reserve(batch.capacity)
    for row in 0..<rows {
      var random = RandomStream(
        seed, Purpose.noise, UInt64(batch.epoch), UInt64(batch.samples[row]))
      for index in 0..<mean.outputs {
        results.noise.base[row * mean.outputs + index] = Float(random.gaussian())
      }
    }
    encoder.forward(
      batch.inputs.baseAddress!, rows: rows, weights: weights, into: results.encoder.base)
    mean.forward(results.encoder.base, rows: rows, weights: weights, into: results.mean.base)
    logVariance.forward(
      results.encoder.base, rows: rows, weights: weights, into: results.logVariance.base)
    let divergence = cvk_draw_latent(
      results.latent.base, results.mean.base, results.logVariance.base, results.noise.base,
      rows * mean.outputs)
    decode(rows: rows, weights: weights)
    return divergence
  }

  /// Latent variables to logits.
  private func decode(rows: Int, weights: borrowing FlatVector) {
    decoder.forward(results.latent.base, rows: rows, weights: weights, into: results.decoder.base)
    output.forward(results.decoder.base, rows: rows, weights: weights, into: results.output.base)
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
    return VAE(
      image: samples.image ?? SampleShape.Image(height: 1, width: samples.inputs), hidden: hidden,
      latent: latent, seed: seed,
      initialization: initialization)
  }
}
