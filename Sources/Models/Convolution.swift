import COneDNN
import CVectorKernels
import Vectors

/// A convolution of 3×3 with a border of one zero, then ReLU, then the largest of each 2×2: one
/// stage of a ``CNN``.
///
/// Weight [outputs, inputs, 3, 3] and bias [outputs], as PyTorch's `nn.Conv2d(…, 3, padding: 1)`.
/// oneDNN's primitives convolve; they are compiled once for every number of samples and kept. ReLU
/// and pooling are one pass of their own: it reads the convolution's result once, takes the bias's
/// gradient in Double on its way back, and hands a NaN on, which oneDNN's ReLU would make a zero.
final class Convolution {
  let inputs: FeatureMaps
  let outputs: FeatureMaps
  let weight: Int
  let bias: Int
  /// The first stage reads a batch's planes as they are, and their gradient is not needed.
  private let isFirst: Bool
  private let compute: ComputeContext
  private var plans: [Int: Plan] = [:]

  init(
    _ name: String, inputs: FeatureMaps, channels: Int, isFirst: Bool,
    in layout: inout TensorLayout,
    by compute: ComputeContext
  ) {
    self.inputs = inputs
    self.compute = compute
    self.isFirst = isFirst
    outputs = FeatureMaps(channels: channels, height: inputs.height, width: inputs.width)
    weight = layout.add("\(name).weight", shape: [channels, inputs.channels, 3, 3])
    bias = layout.add("\(name).bias", shape: [channels])
  }

  /// Of one sample, forward and backward; the border's zeros count.
  var multiplyAdds: Int { (isFirst ? 2 : 3) * outputs.count * inputs.channels * 9 }

  func initialize(_ weights: inout FlatVector, seed: UInt64, by initialization: Initialization) {
    initialization.fill(
      &weights, weight: weight, bias: bias, fanIn: inputs.channels * 9,
      fanOut: outputs.channels * 9, activation: .relu, seed: seed)
  }

  /// `x` → `sums` = x∗W + b → `pooled` = the largest max(0, sum) of each 2×2, and in `choices`
  /// which of the four it was.
  func forward(
    _ x: UnsafePointer<Float>, samples: Int, weights: borrowing FlatVector,
    sums: UnsafeMutablePointer<Float>,
    pooled: UnsafeMutablePointer<Float>, choices: UnsafeMutablePointer<UInt8>
  ) {
    let plan = plan(samples)
    compute.run(plan.readWeights, weights.pointer(weight), plan.weights.base)
    compute.run(plan.forward, x, plan.weights.base, weights.pointer(bias), sums)
    cvk_maxpool_relu(
      pooled, choices, sums, samples * outputs.blocks, outputs.height, outputs.width,
      FeatureMaps.block)
  }

  /// ∂loss/∂b and ∂loss/∂W, bias first, from `d` = ∂loss/∂pooled; leaves ∂loss/∂sums in `dSums` for
  /// ``backward(_:samples:weights:toInputs:)``.
  func backward(
    _ d: UnsafePointer<Float>, x: UnsafePointer<Float>, pooled: UnsafePointer<Float>,
    choices: UnsafePointer<UInt8>, samples: Int,
    dSums: UnsafeMutablePointer<Float>, into gradient: inout FlatVector, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) {
    cvk_maxpool_relu_backward(
      dSums, gradient.pointer(bias), d, pooled, choices, samples, outputs.channels, outputs.height,
      outputs.width, FeatureMaps.block, accumulate ? 1 : 0)
    finished(bias, &gradient)
    let plan = plan(samples)
    if let read = plan.readInputs { compute.run(read, x, plan.inputs.base) }
    compute.run(
      plan.backwardWeights, plan.readInputs == nil ? x : UnsafePointer(plan.inputs.base), dSums,
      plan.weightGradient.base)
    let target = gradient.pointer(weight)
    compute.run(
      accumulate ? plan.addGradient : plan.writeGradient, plan.weightGradient.base, target)
    finished(weight, &gradient)
  }

  /// ∂loss/∂x from ∂loss/∂sums.
  func backward(
    _ dSums: UnsafePointer<Float>, samples: Int, weights: borrowing FlatVector,
    toInputs dx: UnsafeMutablePointer<Float>
  ) {
    guard let backwardData = plan(samples).backwardData else {
      fatalError("the first convolution's inputs have no gradient")
    }
    let plan = plan(samples)
    compute.run(plan.readTransposed!, weights.pointer(weight), plan.transposed.base)
    compute.run(backwardData, dSums, plan.transposed.base, dx)
  }

  private func plan(_ samples: Int) -> Plan {
    if let plan = plans[samples] { return plan }
    let plan = Plan(samples: samples, inputs: inputs, outputs: outputs, isFirst: isFirst)
    plans[samples] = plan
    return plan
  }
}

/// The compiled operations of a convolution of a fixed number of samples, with the weights in the
/// layouts that these chose.
private final class Plan {
  let forward: Primitive
  let backwardWeights: Primitive
  let backwardData: Primitive?
  let readWeights: Primitive
  let readTransposed: Primitive?
  /// Where the weights' gradient wants a batch's planes in another layout: with AVX2 alone it has
  /// no fast way to read them as they are.
  let readInputs: Primitive?
  let inputs = Workspace()
  let writeGradient: Primitive
  let addGradient: Primitive
  let weights = Workspace()
  let transposed = Workspace()
  let weightGradient = Workspace()

  init(samples: Int, inputs: FeatureMaps, outputs: FeatureMaps, isFirst: Bool) {
    var source = dnnl_memory_desc_t(
      [samples, inputs.channels, inputs.height, inputs.width], isFirst ? dnnl_nchw : FeatureMaps.tag
    )
    var result = dnnl_memory_desc_t(
      [samples, outputs.channels, outputs.height, outputs.width], FeatureMaps.tag)
    let shape = [outputs.channels, inputs.channels, 3, 3]
    let plain = dnnl_memory_desc_t(shape, dnnl_oihw)
    var chosen = dnnl_memory_desc_t(shape, dnnl_format_tag_any)
    var bias = dnnl_memory_desc_t([outputs.channels], dnnl_a)
    let ones: [Int64] = [1, 1]

    var operation = dnnl_convolution_desc_t()
    let direct = dnnl_convolution_direct
    dnnl_convolution_forward_desc_init(
      &operation, dnnl_forward_training, direct, &source, &chosen, &bias, &result, ones, ones, ones)
    let forward = PrimitiveDescriptor(operation)
    let forwardWeights = forward.layout(dnnl_query_weights_md)
    self.forward = Primitive(
      forward,
      [
        (DNNL_ARG_SRC, source), (DNNL_ARG_WEIGHTS, forwardWeights), (DNNL_ARG_BIAS, bias),
        (DNNL_ARG_DST, result),
      ])
    readWeights = .copy(from: plain, to: forwardWeights)
    weights.reserve(forwardWeights.floatCount)

    var wanted =
      isFirst
      ? dnnl_memory_desc_t(
        [samples, inputs.channels, inputs.height, inputs.width], dnnl_format_tag_any) : source
    dnnl_convolution_backward_weights_desc_init(
      &operation, direct, &wanted, &chosen, nil, &result, ones, ones, ones)
    let backwardWeights = PrimitiveDescriptor(operation, after: forward)
    wanted = backwardWeights.layout(dnnl_query_src_md)
    readInputs =
      dnnl_memory_desc_equal(&wanted, &source) == 0 ? .copy(from: source, to: wanted) : nil
    if readInputs != nil { self.inputs.reserve(wanted.floatCount) }
    let gradient = backwardWeights.layout(dnnl_query_diff_weights_md)
    self.backwardWeights = Primitive(
      backwardWeights,
      [(DNNL_ARG_SRC, wanted), (DNNL_ARG_DIFF_DST, result), (DNNL_ARG_DIFF_WEIGHTS, gradient)])
    writeGradient = .copy(from: gradient, to: plain)
    addGradient = .copy(from: gradient, to: plain, adding: true)
    weightGradient.reserve(gradient.floatCount)

    guard !isFirst else {
      (backwardData, readTransposed) = (nil, nil)
      return
    }
    dnnl_convolution_backward_data_desc_init(
      &operation, direct, &source, &chosen, &result, ones, ones, ones)
    let backwardData = PrimitiveDescriptor(operation, after: forward)
    let transposedWeights = backwardData.layout(dnnl_query_weights_md)
    self.backwardData = Primitive(
      backwardData,
      [
        (DNNL_ARG_DIFF_DST, result), (DNNL_ARG_WEIGHTS, transposedWeights),
        (DNNL_ARG_DIFF_SRC, source),
      ])
    readTransposed = .copy(from: plain, to: transposedWeights)
    transposed.reserve(transposedWeights.floatCount)
  }
}
