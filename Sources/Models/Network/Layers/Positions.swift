import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "positions"`: adds a trained row for each place of a text.
///
/// Tensor: `weight [length, width]`, which starts as N(0, deviation²); the length is the data's.
public struct Positions: LayerKind {
  public static let kind = "positions"
  public static let summary = "Adds a trained row for each place of a text."
  public let deviation: Double

  public init(deviation: Double = 0.02) { self.deviation = deviation }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    deviation = try keys.number(
      "initialization_std", default: 0.02, wanted: "a number above 0",
      "standard deviation of initial weights"
    ) { $0 > 0 }
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard case .sequence(let length, let width) = x.shape else {
      throw network.misfit(x, wanted: "a text's rows: put an embedding before it")
    }
    let weight = try network.tensor("weight", shape: [length, width], role: .embedding)
    return try network.apply(
      Rows(weight: weight, count: length * width, deviation), to: x, making: x.shape)
  }

  final class Rows: SampleMeasuringLayer {
    let weight: Int
    private let count: Int
    private let deviation: Double

    init(weight: Int, count: Int, _ deviation: Double) {
      (self.weight, self.count, self.deviation) = (weight, count, deviation)
    }

    var memory: LayerMemory { LayerMemory(isInPlace: true) }
    var reach: LayerReach { .before }

    func initialize(_ weights: inout FlatVector, seed: UInt64) {
      weights.fillNormally(weight, deviation: deviation, seed: seed)
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      for sample in 0..<pass.samples {
        cvk_sum(
          pass.y + sample * count, pass.x + sample * count, weights.pointer(weight), count)
      }
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      if let squares = pass.sampleSquares {
        for sample in 0..<pass.samples {
          squares.add(cvk_sum_of_squares(pass.dy + sample * count, count), to: sample)
        }
      }
      if !pass.defersGradients { makeGradients(pass, into: &gradient, finished: finished) }
      if let dx = pass.dx, dx != pass.dy { dx.update(from: pass.dy, count: pass.samples * count) }
    }

    func deferredGradients(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      pass.sampleSquares!.scale(
        SampleRows(pass.dy, samples: pass.samples, rows: 1, columns: count))
      makeGradients(pass, into: &gradient, finished: finished)
    }

    func makeGradients(
      _ pass: LayerPass, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      let rows = gradient.pointer(weight)
      if !pass.accumulates { rows.update(repeating: 0, count: count) }
      for sample in 0..<pass.samples { cvk_add(rows, pass.dy + sample * count, count) }
      finished(weight, &gradient)
    }
  }
}
