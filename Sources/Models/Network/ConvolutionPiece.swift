import COneDNN

/// A convolution compiled by oneDNN for some samples, forward and backward, of maps with the channels
/// last; the weights are brought into the layouts that its operations chose.
final class ConvolutionPiece {
  private let convolve: Primitive
  private let backwardWeights: Primitive
  private let backwardInputs: Primitive?
  private let readWeights: Primitive
  private let readTransposed: Primitive?
  private let writeGradient: Primitive
  private let addGradient: Primitive
  private let weights = Workspace()
  private let transposed = Workspace()
  /// What ``backward(_:x:)`` leaves, in the layout that its operation chose; what that adds to fill
  /// registers is 0.
  let weightGradient = Workspace()

  init(_ shape: ConvolutionShape, samples: Int, wantsInputs: Bool) {
    var source = dnnl_memory_desc_t(shape.extents(shape.inputs, samples: samples), dnnl_nhwc)
    var result = dnnl_memory_desc_t(shape.extents(shape.result, samples: samples), dnnl_nhwc)
    let (inputs, outputs, groups) = (shape.inputs.width, shape.result.width, shape.groups)
    let extents =
      groups == 1
      ? [outputs, inputs, shape.kernel, shape.kernel]
      : [groups, outputs / groups, inputs / groups, shape.kernel, shape.kernel]
    let plain = dnnl_memory_desc_t(extents, groups == 1 ? dnnl_oihw : dnnl_goihw)
    var chosen = dnnl_memory_desc_t(extents, dnnl_format_tag_any)
    let strides = [Int64](repeating: Int64(shape.stride), count: 2)
    let padding = [Int64](repeating: Int64(shape.padding), count: 2)
    let direct = dnnl_convolution_direct

    var operation = dnnl_convolution_desc_t()
    dnnl_convolution_forward_desc_init(
      &operation, dnnl_forward_training, direct, &source, &chosen, nil, &result, strides, padding,
      padding)
    let forward = PrimitiveDescriptor(operation)
    let forwardWeights = forward.layout(dnnl_query_weights_md)
    convolve = Primitive(
      forward,
      [(DNNL_ARG_SRC, source), (DNNL_ARG_WEIGHTS, forwardWeights), (DNNL_ARG_DST, result)])
    readWeights = .copy(from: plain, to: forwardWeights)
    weights.reserve(forwardWeights.floatCount)

    dnnl_convolution_backward_weights_desc_init(
      &operation, direct, &source, &chosen, nil, &result, strides, padding, padding)
    let backwardWeights = PrimitiveDescriptor(operation, after: forward)
    let weightGradient = backwardWeights.layout(dnnl_query_diff_weights_md)
    self.backwardWeights = Primitive(
      backwardWeights,
      [
        (DNNL_ARG_SRC, source), (DNNL_ARG_DIFF_DST, result),
        (DNNL_ARG_DIFF_WEIGHTS, weightGradient),
      ]
    )
    writeGradient = .copy(from: weightGradient, to: plain)
    addGradient = .copy(from: weightGradient, to: plain, adding: true)
    self.weightGradient.reserve(weightGradient.floatCount)

    guard wantsInputs else {
      (backwardInputs, readTransposed) = (nil, nil)
      return
    }
    dnnl_convolution_backward_data_desc_init(
      &operation, direct, &source, &chosen, &result, strides, padding, padding)
    let backwardInputs = PrimitiveDescriptor(operation, after: forward)
    let transposedWeights = backwardInputs.layout(dnnl_query_weights_md)
    self.backwardInputs = Primitive(
      backwardInputs,
      [
        (DNNL_ARG_DIFF_DST, result), (DNNL_ARG_WEIGHTS, transposedWeights),
        (DNNL_ARG_DIFF_SRC, source),
      ]
    )
    readTransposed = .copy(from: plain, to: transposedWeights)
    transposed.reserve(transposedWeights.floatCount)
  }

  /// y = x∗W
  func forward(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    readWeights.run(weight, weights.base)
    convolve.run(x, weights.base, y)
  }

  /// Sums ∂loss/∂W over this piece's samples, from `d` = ∂loss/∂y.
  func backward(_ d: UnsafePointer<Float>, x: UnsafePointer<Float>) {
    backwardWeights.run(x, d, weightGradient.base)
  }

  /// What ``backward(_:x:)`` has summed.
  func write(to target: UnsafeMutablePointer<Float>, accumulate: Bool) {
    write(weightGradient.base, to: target, accumulate: accumulate)
  }

  /// Writes or adds values that lie as ``weightGradient`` does.
  func write(
    _ values: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>,
    accumulate: Bool
  ) {
    (accumulate ? addGradient : writeGradient).run(values, target)
  }

  /// ∂loss/∂x from `d` = ∂loss/∂y.
  func backward(
    _ d: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    toInputs dx: UnsafeMutablePointer<Float>
  ) {
    guard let backwardInputs, let readTransposed else {
      fatalError("the first layer's inputs have no gradient")
    }
    readTransposed.run(weight, transposed.base)
    backwardInputs.run(d, transposed.base, dx)
  }
}
