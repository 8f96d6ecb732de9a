/// The size of a convolution of one sample.
struct ConvolutionShape {
  let inputs: ActivationShape
  let result: ActivationShape
  let kernel: Int
  let stride: Int
  let padding: Int
  let groups: Int

  /// How many inputs a value of the result is a sum of.
  var fanIn: Int { inputs.width / groups * kernel * kernel }

  func extents(_ shape: ActivationShape, samples: Int) -> [Int] {
    guard case .maps(let channels, let height, let width) = shape else {
      fatalError("no image: \(shape)")
    }
    return [samples, channels, height, width]
  }
}

/// A convolution of a number of samples, in pieces of a few samples that threads compute.
///
/// The pieces' weight gradients are added in their order.
final class ConvolutionPlan {
  private let pieces: [ConvolutionPiece]
  /// Each piece's samples.
  private let samples: [Range<Int>]
  private let shape: ConvolutionShape
  private let compute: ComputeContext

  init(_ shape: ConvolutionShape, samples: Int, wantsInputs: Bool, by compute: ComputeContext) {
    (self.shape, self.compute) = (shape, compute)
    let operations = 2 * Double(samples) * Double(shape.result.count) * Double(shape.fanIn)
    let count = compute.settings.pieces(of: samples, operations: operations, atLeast: 4)
    self.samples = (0..<count).map { part($0, of: count, samples) }
    pieces = self.samples.map {
      ConvolutionPiece(shape, samples: $0.count, wantsInputs: wantsInputs)
    }
  }

  /// Computes all pieces; `body` gets where a piece's inputs and results begin.
  private func run(_ body: (_ piece: ConvolutionPiece, _ input: Int, _ result: Int) -> Void) {
    compute.threads.run(pieces.count) { index, _ in
      let first = samples[index].lowerBound
      body(pieces[index], first * shape.inputs.count, first * shape.result.count)
    }
    compute.productDone()
  }

  /// y = x∗W
  func forward(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    run { piece, input, result in piece.forward(x + input, weight, into: y + result) }
  }

  /// ∂loss/∂W from `d` = ∂loss/∂y.
  func backward(
    _ d: UnsafePointer<Float>, x: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>,
    accumulate: Bool
  ) {
    run { piece, input, result in piece.backward(d + result, x: x + input) }
    for (index, piece) in pieces.enumerated() {
      piece.write(to: target, accumulate: accumulate || index > 0)
    }
  }

  /// ∂loss/∂x from `d` = ∂loss/∂y.
  func backward(
    _ d: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    toInputs dx: UnsafeMutablePointer<Float>
  ) {
    run { piece, input, result in piece.backward(d + result, weight, toInputs: dx + input) }
  }
}
