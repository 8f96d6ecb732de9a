import CVectorKernels
import ExperimentKeys
import Vectors

/// `kind = "embedding"`: a row of a trained table for each token, PyTorch's `nn.Embedding`.
///
/// Tensor: `weight [vocabulary, width]`, which starts as N(0, deviation²).
public struct Embedding: LayerKind {
  public static let kind = "embedding"
  public static let summary = "A row of a trained table for each token of a text."
  public let width: Int
  public let deviation: Double

  public init(_ width: Int, deviation: Double = 1) {
    (self.width, self.deviation) = (width, deviation)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    width = try keys.integer("width", default: 64, in: 1...(1 << 20), "values of a token's row")
    deviation = try keys.number(
      "initialization_std", default: 1, wanted: "a number above 0",
      "standard deviation of initial weights"
    ) { $0 > 0 }
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard case .tokens(let length, let vocabulary) = x.shape else {
      throw network.misfit(x, wanted: "tokens: choose a data.kind of texts")
    }
    let weight = try network.tensor(
      "weight", shape: [vocabulary, width], role: .embedding)
    let table = Table(weight: weight, length: length, width: width, vocabulary, deviation)
    network.add(
      EmbeddingTable(weight: weight, vocabulary: vocabulary, width: width, tied: table.tied) {
        defer { table.isShared = true }
        return !table.isShared
      })
    return try network.apply(table, to: x, making: .sequence(length: length, width: width))
  }

  /// Whose rows the tokens take.
  final class Table: SampleMeasuringLayer {
    let weight: Int
    let length: Int
    let width: Int
    let vocabulary: Int
    private let deviation: Double
    /// Whether a head has the same table, and has left its gradient there.
    fileprivate(set) var isShared = false
    /// What that head leaves of each sample.
    let tied = TiedRows()

    init(weight: Int, length: Int, width: Int, _ vocabulary: Int, _ deviation: Double) {
      (self.weight, self.length, self.width) = (weight, length, width)
      (self.vocabulary, self.deviation) = (vocabulary, deviation)
    }

    var memory: LayerMemory { LayerMemory() }

    func initialize(_ weights: inout FlatVector, seed: UInt64) {
      weights.fillNormally(weight, deviation: deviation, seed: seed)
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let table = weights.pointer(weight)
      for row in 0..<pass.samples * length {
        (pass.y + row * width).update(from: table + Int(pass.tokens[row]) * width, count: width)
      }
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      if let squares = pass.sampleSquares { measure(pass, into: squares) }
      if !pass.defersGradients { makeGradients(pass, into: &gradient, finished: finished) }
    }

    func deferredGradients(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      pass.sampleSquares!.scale(bySample(pass))
      makeGradients(pass, into: &gradient, finished: finished)
    }

    /// ∂loss/∂ the rows of each sample.
    func bySample(_ pass: LayerPass) -> SampleRows {
      SampleRows(pass.dy, samples: pass.samples, rows: length, columns: width)
    }

    func makeGradients(
      _ pass: LayerPass, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      let table = gradient.pointer(weight)
      if !pass.accumulates && !isShared { table.update(repeating: 0, count: vocabulary * width) }
      cvk_add_by_token(table, pass.dy, pass.tokens, pass.samples * length, width)
      finished(weight, &gradient)
    }

    private func measure(_ pass: LayerPass, into squares: SampleSquares) {
      let d = bySample(pass)
      for sample in 0..<pass.samples {
        let distinct = squares.tokens.sum(
          d[sample], stride: width, pass.tokens + sample * length, count: length, columns: width,
          vocabulary: vocabulary)
        squares.add(cvk_sum_of_squares(squares.tokens.base, distinct * width), to: sample)
        if isShared { squares.add(2 * tied.product(d, sample), to: sample) }
      }
    }
  }
}

/// An embedding's table, for a head that shares it.
struct EmbeddingTable {
  let weight: Int
  let vocabulary: Int
  let width: Int
  /// What the head leaves of each sample.
  let tied: TiedRows
  /// Says that a head has it too; false where one does already.
  let share: () -> Bool
}
