import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "rms-norm"`: each row divided by the root of its mean square, then times a weight for
/// each column; ε = 1e-5, PyTorch's `nn.RMSNorm(width, eps=1e-5)` (Zhang and Sennrich 2019).
///
/// Tensor: `weight [width]`.
public struct RMSNorm: LayerKind {
  public static let kind = "rms-norm"
  public static let summary = "Each row divided by its root mean square, then scaled."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard x.shape.width > 0 else {
      throw network.misfit(x, wanted: "values: put an embedding before it")
    }
    let weight = try network.tensor("weight", shape: [x.shape.width])
    return try network.apply(
      Rows(x.shape, weight: weight, bias: nil, inverses: x.shape.rows), to: x, making: x.shape)
  }

  private final class Rows: Normalization {
    override func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let (normal, inverse) = normal(pass)
      cvk_rms_norm(
        pass.y, normal, inverse, pass.x, weights.pointer(weight), pass.samples * shape.rows, width)
    }

    override func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, toInputs dx: UnsafeMutablePointer<Float>
    ) {
      let (normal, inverse) = normal(pass)
      cvk_rms_norm_backward(
        dx, pass.dy, normal, inverse, weights.pointer(weight), pass.samples * shape.rows, width)
    }
  }
}
