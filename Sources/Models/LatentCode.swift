import CVectorKernels
import ExperimentKeys
import Vectors

/// The middle of a variational autoencoder: two layers make a mean and the logarithm of a variance
/// for each latent variable, and one draws the variables from these.
///
/// It has no key in experiment files: what comes out of it is worth something only under the loss
/// of the autoencoder.
struct LatentCode: LayerKind {
  static let kind = "latent-code"
  static let summary = "Latent variables of a variational autoencoder."
  private let mean, logVariance: any LayerKind

  init(mean: any LayerKind, logVariance: any LayerKind) {
    (self.mean, self.logVariance) = (mean, logVariance)
  }

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    throw keys.error("kind", "a latent code belongs to model.kind \"vae\"")
  }

  func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let mean = try network.add([mean], after: x)
    let logVariance = try network.add([logVariance], after: x)
    return try network.apply(
      DrawnCode(width: mean.shape.count, seed: network.seed), to: mean, logVariance,
      making: mean.shape)
  }
}

/// z = mean + e^(logVariance/2)·noise, and its own part of the loss: the divergence of the
/// variables' distributions from N(0, 1), in nats.
///
/// The noise is a function of (seed, epoch, sample), so never of a rank; a sample has new noise in
/// each epoch, and when evaluated, as part of epoch 0, always the same.
private final class DrawnCode: Layer, LayerWithLoss {
  /// ASCII "latent": what the random stream is for.
  private static let purpose: UInt64 = 0x6C61_7465_6E74
  private let width: Int
  private let seed: UInt64
  private(set) var lossSum = 0.0

  init(width: Int, seed: UInt64) { (self.width, self.seed) = (width, seed) }

  /// Its noise is saved.
  var memory: LayerMemory { LayerMemory(keepsInputs: true, isInPlace: true, saved: width) }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    for sample in 0..<pass.samples {
      var random = RandomStream(
        seed, Self.purpose, UInt64(pass.epoch), UInt64(pass.sampleIndices[sample]))
      for index in 0..<width { pass.saved[sample * width + index] = Float(random.gaussian()) }
    }
    lossSum = cvk_draw_latent(pass.y, pass.x, pass.second!, pass.saved, pass.samples * width)
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    guard let d = pass.dx, let dLogVariance = pass.dSecond else { return }
    let count = pass.samples * width
    if d != pass.dy { d.update(from: pass.dy, count: count) }
    cvk_draw_latent_backward(
      d, dLogVariance, pass.x, pass.second!, pass.saved, pass.lossScale, count)
  }
}

/// −log of the inputs' likelihood in nats a sample; an output is the logit of the mean of its input's
/// Bernoulli distribution.
struct Reconstruction: Loss {
  static let kind = "reconstruction"
  static let summary = "Likelihood of the inputs."
  init() {}
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    throw keys.error("loss", "reconstruction belongs to model.kind \"vae\"")
  }

  func outputs(for samples: SampleShape) -> Int { samples.inputs }

  func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
    gradient: UnsafeMutablePointer<Float>?
  ) -> Evaluation {
    Evaluation(
      lossSum: cvk_bernoulli(
        outputs, batch.inputs.baseAddress!, batch.count * width, Double(scale), gradient),
      count: batch.count)
  }
}
