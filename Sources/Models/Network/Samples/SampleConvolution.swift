import CVectorKernels

/// The gradients of a convolution's kernels of each sample by itself.
final class SampleConvolution {
  private let piece: ConvolutionPiece
  private let shape: ConvolutionShape
  private let sum = Workspace()

  init(_ shape: ConvolutionShape) {
    self.shape = shape
    piece = ConvolutionPiece(shape, samples: 1, wantsInputs: false)
  }

  /// Adds each sample's squares, from `d` = ∂loss/∂y and the inputs; where that may be, the sum of
  /// the samples' gradients becomes the kernels', and the result is true.
  func measure(
    _ d: UnsafePointer<Float>, _ x: UnsafePointer<Float>, samples: Int,
    into gradient: UnsafeMutablePointer<Float>, accumulate: Bool, _ squares: SampleSquares
  ) -> Bool {
    let makes = squares.mayMakeGradients
    let count = piece.weightGradient.count
    if makes { sum.reserve(count) }
    for sample in 0..<samples {
      piece.backward(d + sample * shape.result.count, x: x + sample * shape.inputs.count)
      squares.add(cvk_sum_of_squares(piece.weightGradient.base, count), to: sample)
      guard makes else { continue }
      if sample == 0 {
        sum.base.update(from: piece.weightGradient.base, count: count)
      } else {
        cvk_add(sum.base, piece.weightGradient.base, count)
      }
    }
    squares.compute.productDone()
    if makes { piece.write(sum.base, to: gradient, accumulate: accumulate) }
    return makes
  }
}
