import Lockstep

/// A layer for networks, `{ kind = "column-scale" }`: each column times a trained factor.
///
/// Tensor: `factor [width]`.
struct ColumnScale: LayerKind {
  static let kind = "column-scale"
  static let summary = "Each column times a trained factor."
  let start: Double

  init(start: Double) { self.start = start }

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    start = try keys.number("start", default: 1, in: -10...10, "what the factors are at first")
  }

  func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value) throws(ExperimentError)
    -> NetworkBuilder.Value
  {
    guard x.shape.width > 0 else { throw network.misfit(x, wanted: "values") }
    let factor = try network.tensor("factor", shape: [x.shape.width])
    return try network.apply(Columns(factor, x.shape, Float(start)), to: x, making: x.shape)
  }

  private final class Columns: Layer {
    private let factor: Int
    private let shape: ActivationShape
    private let start: Float

    init(_ factor: Int, _ shape: ActivationShape, _ start: Float) {
      (self.factor, self.shape, self.start) = (factor, shape, start)
    }

    /// The factors' gradient needs what went in.
    var memory: LayerMemory { LayerMemory(keepsInputs: true) }

    func initialize(_ weights: inout FlatVector, seed: UInt64) {
      weights.set(factor, to: repeatElement(start, count: shape.width))
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let factors = weights.pointer(factor)
      for index in 0..<pass.samples * shape.count {
        pass.y[index] = pass.x[index] * factors[index % shape.width]
      }
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      let (factors, d) = (weights.pointer(factor), gradient.pointer(factor))
      if !pass.accumulates { d.update(repeating: 0, count: shape.width) }
      for index in 0..<pass.samples * shape.count {
        d[index % shape.width] += pass.dy[index] * pass.x[index]
        pass.dx?[index] = pass.dy[index] * factors[index % shape.width]
      }
      finished(factor, &gradient)
    }
  }
}
