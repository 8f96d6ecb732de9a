import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "group-norm"`: the channels of each group, over all pixels of a sample, to mean 0 and
/// variance 1, then times a weight and plus a bias for each channel; ε = 1e-5, PyTorch's
/// `nn.GroupNorm` (Wu and He 2018).
///
/// Tensors: `weight [channels]`, `bias [channels]`.
public struct GroupNorm: LayerKind {
  public static let kind = "group-norm"
  public static let summary =
    "Groups of channels, over a sample's pixels, to mean 0 and variance 1, then scaled and shifted."
  public let groups: Int

  public init(groups: Int) { self.groups = groups }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    groups = try keys.integer(
      "groups", default: 8, in: 1...(1 << 16), "groups of channels; they divide the channels")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let width = x.shape.width
    guard width > 0, width % groups == 0 else {
      throw network.misfit(x, wanted: "channels that \(groups) groups divide")
    }
    let weight = try network.tensor("weight", shape: [width])
    let bias = try network.tensor("bias", shape: [width])
    return try network.apply(
      Channels(x.shape, weight: weight, bias: bias, groups: groups), to: x, making: x.shape)
  }

  private final class Channels: Normalization {
    private let groups: Int

    init(_ shape: ActivationShape, weight: Int, bias: Int, groups: Int) {
      self.groups = groups
      super.init(shape, weight: weight, bias: bias, inverses: groups)
    }

    /// Room for four Doubles a channel.
    override var memory: LayerMemory {
      var memory = super.memory
      memory.fixedScratch = 8 * width
      return memory
    }

    override var reach: LayerReach { .all }

    private func scratch(_ pass: LayerPass) -> UnsafeMutablePointer<Double> {
      UnsafeMutableRawPointer(pass.fixedScratch).assumingMemoryBound(to: Double.self)
    }

    override func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let (normal, inverse) = normal(pass)
      cvk_group_norm(
        pass.y, normal, inverse, pass.x, weights.pointer(weight), weights.pointer(bias!),
        pass.samples, shape.rows, width, groups, scratch(pass))
    }

    override func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, toInputs dx: UnsafeMutablePointer<Float>
    ) {
      let (normal, inverse) = normal(pass)
      cvk_group_norm_backward(
        dx, pass.dy, normal, inverse, weights.pointer(weight), pass.samples, shape.rows, width,
        groups, scratch(pass))
    }
  }
}
