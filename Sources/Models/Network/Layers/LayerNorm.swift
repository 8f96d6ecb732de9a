import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "layer-norm"`: each row to mean 0 and variance 1, then times a weight and plus a bias for
/// each column; ε = 1e-5, PyTorch's `nn.LayerNorm` of the last dimension (Ba et al. 2016).
///
/// Tensors: `weight [width]`, and `bias [width]` unless `bias = false`.
public struct LayerNorm: LayerKind {
  public static let kind = "layer-norm"
  public static let summary = "Each row to mean 0 and variance 1, then scaled and shifted."
  public let hasBias: Bool

  public init(bias: Bool = true) { hasBias = bias }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    hasBias = try keys.boolean("bias", default: true, "whether a bias is added")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let width = x.shape.width
    guard width > 0 else { throw network.misfit(x, wanted: "values: put an embedding before it") }
    let weight = try network.tensor("weight", shape: [width])
    let bias = hasBias ? try network.tensor("bias", shape: [width]) : nil
    return try network.apply(
      Rows(x.shape, weight: weight, bias: bias, inverses: x.shape.rows), to: x, making: x.shape)
  }

  private final class Rows: Normalization {
    override var memory: LayerMemory {
      var memory = super.memory
      memory.addsToGradient = true
      return memory
    }

    override func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let (normal, inverse) = normal(pass)
      let rows = pass.samples * shape.rows
      let weight = weights.pointer(weight)
      let bias = bias.map { UnsafePointer(weights.pointer($0)) }
      pass.threads.split(rows, atLeast: ComputeThreads.leastRows(of: width)) { part in
        let start = part.lowerBound * width
        cvk_layer_norm(
          pass.y + start, normal + start, inverse + part.lowerBound, pass.x + start, weight,
          part.count, width)
        if let bias { cvk_bias(pass.y + start, bias, part.count, width) }
      }
    }

    override func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, toInputs dx: UnsafeMutablePointer<Float>
    ) {
      let (normal, inverse) = normal(pass)
      let rows = pass.samples * shape.rows
      let weight = weights.pointer(weight)
      pass.threads.split(rows, atLeast: ComputeThreads.leastRows(of: width)) { part in
        let start = part.lowerBound * width
        if !pass.addsToGradient { (dx + start).update(repeating: 0, count: part.count * width) }
        cvk_layer_norm_backward(
          dx + start, pass.dy + start, normal + start, inverse + part.lowerBound, weight,
          part.count, width)
      }
    }
  }
}
