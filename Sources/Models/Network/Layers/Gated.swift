import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "gated"`: W_down·(silu(W_gate·x) ∘ W_up·x) for each row, SwiGLU (Shazeer 2020, arXiv
/// 2002.05202), without biases.
///
/// Tensors: `gate.weight [width, inputs]`, `up.weight [width, inputs]`,
/// `down.weight [inputs, width]`.
public struct Gated: LayerKind {
  public static let kind = "gated"
  public static let summary = "Two layers whose middle is gated by a third: SwiGLU."
  public let width: Int

  public init(_ width: Int) { self.width = width }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    width = try keys.integer("width", default: 256, in: 1...(1 << 20), "values in the middle")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard let middle = x.shape.with(width: width) else {
      throw network.misfit(x, wanted: "values: put an embedding before it")
    }
    let gate = try network.linear("gate", after: x, outputs: width)
    let up = try network.linear("up", after: x, outputs: width)
    let product = try network.apply(
      Product(count: middle.count), to: gate, up, making: middle)
    return try network.linear("down", after: product, outputs: x.shape.width)
  }

  /// silu(x)·second
  private final class Product: Layer {
    private let count: Int

    init(count: Int) { self.count = count }

    var memory: LayerMemory { LayerMemory(keepsInputs: true) }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      cvk_gate(pass.y, pass.x, pass.second!, pass.samples * count)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      cvk_gate_backward(
        pass.dx!, pass.dSecond!, pass.dy, pass.x, pass.second!, pass.samples * count)
    }
  }
}

extension NetworkBuilder {
  /// Adds a linear layer as a part of the one that is being added: `NAME.weight [outputs, inputs]`
  /// and, where there is one, `NAME.bias [outputs]`.
  ///
  /// Weights start as N(0, deviation²) and biases as 0; where the deviation is nil, both as
  /// PyTorch's `nn.Linear`.
  mutating func linear(
    _ name: String, after x: Value, outputs: Int, bias hasBias: Bool = false,
    deviation: Double? = nil
  ) throws(ExperimentError) -> Value {
    let inputs = x.shape.width
    let weight = try tensor("\(name).weight", shape: [outputs, inputs])
    let bias = hasBias ? try tensor("\(name).bias", shape: [outputs]) : nil
    let layer = LinearLayer(
      rows: x.shape.rows, inputs: inputs, outputs: outputs, weight: weight, bias: bias, by: compute
    ) { weights, seed in
      if let deviation {
        weights.fillNormally(weight, deviation: deviation, seed: seed)
        if let bias { weights.setToZero(in: weights.layout.segments[bias].range) }
        return
      }
      weights.fillUniformly(weight, fanIn: inputs, seed: seed)
      if let bias { weights.fillUniformly(bias, fanIn: inputs, seed: seed) }
    }
    return try apply(layer, to: x, making: x.shape.with(width: outputs)!)
  }
}
