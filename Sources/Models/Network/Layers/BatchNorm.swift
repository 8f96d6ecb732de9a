import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "batch-norm"`: each channel, over all samples and pixels of a micro-batch, to mean 0 and
/// variance 1, then times a weight and plus a bias; ε = 1e-5, PyTorch's `nn.BatchNorm2d` and
/// `nn.BatchNorm1d` (Ioffe and Szegedy 2015, arXiv 1502.03167).
///
/// Batch statistics are those of a micro-batch, so that a network with such a layer is always
/// divided by whole micro-batches. Evaluation uses running statistics, which a step updates once,
/// r ← (1 − m)·r + m·s, where s is the mean of the micro-batches' means, or of their variances
/// (divided by one less than the values), weighted by samples.
///
/// Tensors: `weight [channels]`, `bias [channels]`; running statistics: `running_mean [channels]`,
/// `running_var [channels]`.
public struct BatchNorm: LayerKind {
  public static let kind = "batch-norm"
  public static let summary =
    "Each channel, over a micro-batch, to mean 0 and variance 1, then scaled and shifted."
  public let momentum: Double

  /// - Parameter momentum: m of r ← (1 − m)·r + m·s, in 0…1.
  public init(momentum: Double = 0.1) {
    precondition((0...1).contains(momentum), "a momentum of \(momentum)")
    self.momentum = momentum
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    momentum = try keys.number(
      "momentum", default: 0.1, in: 0...1,
      "part m of a step's statistics in the running ones, r ← (1 − m)·r + m·s")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let width = x.shape.width
    guard width > 0 else { throw network.misfit(x, wanted: "values: put an embedding before it") }
    let weight = try network.tensor("weight", shape: [width])
    let bias = try network.tensor("bias", shape: [width])
    // One value a channel has no variance.
    let least = x.shape.rows > 1 ? 1 : 2
    let mean = try network.runningTensor(
      "running_mean", width: width, initial: 0, momentum: momentum, needing: least)
    let variance = try network.runningTensor(
      "running_var", width: width, initial: 1, momentum: momentum, needing: least)
    return try network.apply(
      Channels(x.shape, weight: weight, bias: bias, mean: mean, variance: variance), to: x,
      making: x.shape)
  }

  private final class Channels: Layer {
    private let shape: ActivationShape
    private let (weight, bias): (Int, Int)
    /// The tensors of the running statistics.
    private let (mean, variance): (Int, Int)

    init(_ shape: ActivationShape, weight: Int, bias: Int, mean: Int, variance: Int) {
      (self.shape, self.weight, self.bias) = (shape, weight, bias)
      (self.mean, self.variance) = (mean, variance)
    }

    /// Values before the weight, and a scale for each channel; room for three Doubles a channel.
    var memory: LayerMemory {
      LayerMemory(saved: shape.count + shape.width, fixedScratch: 6 * shape.width)
    }

    var mixesSamples: Bool { true }

    func initialize(_ weights: inout FlatVector, seed: UInt64) {
      weights.set(weight, to: repeatElement(1, count: shape.width))
      weights.setToZero(in: weights.layout.segments[bias].range)
    }

    private func scratch(_ pass: LayerPass) -> UnsafeMutablePointer<Double> {
      UnsafeMutableRawPointer(pass.fixedScratch).assumingMemoryBound(to: Double.self)
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let statistics = pass.statistics!
      let (rows, width) = (pass.samples * shape.rows, shape.width)
      guard pass.isTraining else {
        cvk_batch_norm_fixed(
          pass.y, pass.x, statistics.values.pointer(mean), statistics.values.pointer(variance),
          weights.pointer(weight), weights.pointer(bias), rows, width, scratch(pass))
        return
      }
      cvk_batch_norm(
        pass.y, pass.saved, pass.saved + pass.samples * shape.count, statistics.found.pointer(mean),
        statistics.found.pointer(variance), pass.x, weights.pointer(weight), weights.pointer(bias),
        rows, width, scratch(pass))
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      cvk_batch_norm_backward(
        pass.dx, gradient.pointer(weight), gradient.pointer(bias), pass.dy, pass.saved,
        pass.saved + pass.samples * shape.count, weights.pointer(weight),
        pass.samples * shape.rows, shape.width, pass.accumulates ? 1 : 0, scratch(pass))
      finished(bias, &gradient)
      finished(weight, &gradient)
    }
  }
}
