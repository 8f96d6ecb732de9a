import ExperimentKeys
import Vectors

/// `kind = "conv"`: a convolution of an image, PyTorch's `nn.Conv2d` with a square kernel.
///
/// Tensors: `weight [channels, inputs/groups, kernel, kernel]`, and `bias [channels]` unless
/// `bias = false`.
public struct Conv: LayerKind {
  public static let kind = "conv"
  public static let summary = "A convolution of an image with square kernels."
  public let channels: Int
  public let kernel: Int
  public let stride: Int
  public let padding: Int
  public let groups: Int
  public let hasBias: Bool
  private let initialization: Initialization

  public init(
    _ channels: Int, kernel: Int = 3, stride: Int = 1, padding: Int = 0, groups: Int = 1,
    bias: Bool = true
  ) {
    (self.channels, self.kernel, self.stride) = (channels, kernel, stride)
    (self.padding, self.groups, hasBias) = (padding, groups, bias)
    initialization = .standard
  }

  /// 3×3 kernels that leave an image its size and have a ReLU after them, by which weights start.
  init(beforeReLU channels: Int, initialization: Initialization) {
    (self.channels, kernel, stride, padding, groups) = (channels, 3, 1, 1, 1)
    (hasBias, self.initialization) = (true, initialization)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    channels = try keys.integer(
      "channels", default: 32, in: 1...(1 << 16), "channels of the result")
    kernel = try keys.integer("kernel", default: 3, in: 1...255, "side of the kernels, in pixels")
    stride = try keys.integer(
      "stride", default: 1, in: 1...255, "pixels from a result to the next, both ways")
    padding = try keys.integer(
      "padding", default: 0, in: 0...255, "pixels of 0 around the image")
    groups = try keys.integer(
      "groups", default: 1, in: 1...(1 << 16),
      "groups of channels that are convolved by themselves")
    hasBias = try keys.boolean("bias", default: true, "whether a bias is added")
    initialization = .standard
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard case .maps(let inputs, let height, let width) = x.shape else {
      throw network.misfit(x, wanted: "an image")
    }
    guard inputs % groups == 0, channels % groups == 0 else {
      throw network.error(
        "\(groups) groups do not divide \(inputs) channels into \(channels)")
    }
    guard height + 2 * padding >= kernel, width + 2 * padding >= kernel else {
      throw network.misfit(
        x, wanted: "an image of at least \(kernel)×\(kernel) with \(padding) pixels around it")
    }
    let result = ActivationShape.maps(
      channels: channels, height: (height + 2 * padding - kernel) / stride + 1,
      width: (width + 2 * padding - kernel) / stride + 1)
    if kernel == 1 && padding == 0 && groups == 1 {
      return try pointwise(in: &network, after: x, making: result)
    }
    let (weight, bias) = try tensors(in: &network, inputs: inputs)
    return try network.apply(
      Layer(
        ConvolutionShape(
          inputs: x.shape, result: result, kernel: kernel, stride: stride, padding: padding,
          groups: groups), weight: weight, bias: bias, initialization, wantsInputs: x.isTrained,
        by: network.compute),
      to: x, making: result)
  }

  private func tensors(in network: inout NetworkBuilder, inputs: Int) throws(ExperimentError)
    -> (weight: Int, bias: Int?)
  {
    (
      try network.tensor("weight", shape: [channels, inputs / groups, kernel, kernel]),
      hasBias ? try network.tensor("bias", shape: [channels]) : nil
    )
  }

  /// A kernel of one pixel is a dense layer of the pixels that the stride leaves.
  private func pointwise(
    in network: inout NetworkBuilder, after x: NetworkBuilder.Value, making result: ActivationShape
  ) throws(ExperimentError) -> NetworkBuilder.Value {
    var x = x
    if stride > 1, let left = result.with(width: x.shape.width) {
      x = try network.apply(Pixels(x.shape, left, stride: stride), to: x, making: left)
    }
    let (inputs, outputs) = (x.shape.width, result.width)
    let (weight, bias) = try tensors(in: &network, inputs: inputs)
    let layer = LinearLayer(
      rows: result.rows, inputs: inputs, outputs: outputs, weight: weight, bias: bias,
      by: network.compute
    ) { weights, seed in
      weights.fillUniformly(weight, fanIn: inputs, seed: seed)
      if let bias { weights.fillUniformly(bias, fanIn: inputs, seed: seed) }
    }
    return try network.apply(layer, to: x, making: result)
  }

  /// Every so many pixels of every so many rows.
  private final class Pixels: Models.Layer {
    private let shape: ActivationShape
    private let result: ActivationShape
    /// The places of those that are left.
    private let places: [Int]

    init(_ shape: ActivationShape, _ result: ActivationShape, stride: Int) {
      (self.shape, self.result) = (shape, result)
      guard case .maps(_, _, let columns) = shape, case .maps(_, let height, let width) = result
      else { fatalError("no image: \(shape)") }
      places = (0..<height).flatMap { row in
        (0..<width).map { (row * columns + $0) * stride }
      }
    }

    var memory: LayerMemory { LayerMemory() }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let channels = shape.width
      for sample in 0..<pass.samples {
        let (x, y) = (pass.x + sample * shape.count, pass.y + sample * result.count)
        for (index, place) in places.enumerated() {
          (y + index * channels).update(from: x + place * channels, count: channels)
        }
      }
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      guard let dx = pass.dx else { return }
      let channels = shape.width
      dx.update(repeating: 0, count: pass.samples * shape.count)
      for sample in 0..<pass.samples {
        let (d, target) = (pass.dy + sample * result.count, dx + sample * shape.count)
        for (index, place) in places.enumerated() {
          (target + place * channels).update(from: d + index * channels, count: channels)
        }
      }
    }
  }

  final class Layer: SampleMeasuringLayer {
    private let shape: ConvolutionShape
    private let weight: Int
    private let epilogue: Epilogue
    private let initialization: Initialization
    private let wantsInputs: Bool
    private let compute: ComputeContext
    private var plans: [Int: ConvolutionPlan] = [:]
    /// What measures the gradients of samples, once it was asked for.
    private var measurement: SampleConvolution?

    fileprivate init(
      _ shape: ConvolutionShape, weight: Int, bias: Int?, _ initialization: Initialization,
      wantsInputs: Bool, by compute: ComputeContext
    ) {
      (self.shape, self.weight, self.initialization) = (shape, weight, initialization)
      (self.wantsInputs, self.compute) = (wantsInputs, compute)
      epilogue = Epilogue(bias: bias, function: nil)
    }

    private init(_ layer: Layer, _ epilogue: Epilogue) {
      (shape, weight, initialization) = (layer.shape, layer.weight, layer.initialization)
      (wantsInputs, compute) = (layer.wantsInputs, layer.compute)
      self.epilogue = epilogue
    }

    /// The layer with a function of its result; nil where it has one.
    func followed(by function: Elementwise) -> Layer? {
      epilogue.followed(by: function).map { Layer(self, $0) }
    }

    var memory: LayerMemory { epilogue.memory(shape.result.count) }

    func multiplyAdds(isFirst: Bool) -> Int {
      (isFirst ? 2 : 3) * shape.result.count * shape.fanIn
    }

    func initialize(_ weights: inout FlatVector, seed: UInt64) {
      initialization.fill(
        &weights, weight: weight, bias: epilogue.bias, fanIn: shape.fanIn,
        fanOut: shape.result.width * shape.kernel * shape.kernel, activation: .relu, seed: seed)
    }

    private func plan(_ samples: Int) -> ConvolutionPlan {
      if let plan = plans[samples] { return plan }
      let plan = ConvolutionPlan(
        shape, samples: samples, wantsInputs: wantsInputs, by: compute)
      plans[samples] = plan
      return plan
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      plan(pass.samples).forward(
        pass.x, weights.pointer(weight), into: epilogue.target(pass))
      epilogue.forward(
        pass, rows: pass.samples * shape.result.rows, columns: shape.result.width, weights: weights)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      epilogue.backward(
        pass, rows: pass.samples * shape.result.rows, columns: shape.result.width)
      let isMade = measure(pass, into: gradient.pointer(weight))
      if !pass.defersGradients {
        makeGradients(pass, exceptWeight: isMade, into: &gradient, finished: finished)
      }
      if let dx = pass.dx {
        plan(pass.samples).backward(pass.dy, weights.pointer(weight), toInputs: dx)
      }
    }

    private func makeGradients(
      _ pass: LayerPass, exceptWeight isMade: Bool = false, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      epilogue.makeGradient(
        pass, rows: pass.samples * shape.result.rows, columns: shape.result.width, into: &gradient,
        finished: finished)
      if !isMade {
        plan(pass.samples).backward(
          pass.dy, x: pass.x, into: gradient.pointer(weight), accumulate: pass.accumulates)
      }
      finished(weight, &gradient)
    }

    func deferredGradients(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      pass.sampleSquares!.scale(bySample(pass))
      makeGradients(pass, into: &gradient, finished: finished)
    }

    private func bySample(_ pass: LayerPass) -> SampleRows {
      SampleRows(
        pass.dy, samples: pass.samples, rows: shape.result.rows, columns: shape.result.width)
    }

    /// Measures each sample's gradient where that is wanted, and returns whether the weight's was
    /// made by it.
    private func measure(_ pass: LayerPass, into gradient: UnsafeMutablePointer<Float>) -> Bool {
      guard let squares = pass.sampleSquares else { return false }
      if epilogue.bias != nil { squares.addColumnSums(bySample(pass)) }
      let samples = measurement ?? SampleConvolution(shape)
      measurement = samples
      return samples.measure(
        pass.dy, pass.x, samples: pass.samples, into: gradient, accumulate: pass.accumulates,
        squares)
    }
  }
}
