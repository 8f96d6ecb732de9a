import CVectorKernels
import ExperimentKeys
import Vectors

/// A model composed of layers, with a loss after the last.
///
/// Tensors are named as PyTorch's `nn.Sequential` of the same list names them: `0.weight`,
/// `3.layers.1.bias`. Activations and their gradients lie in one block of memory, planned when the
/// network is made: a step allocates nothing.
public final class Network: PredictiveModel {
  public let layout: TensorLayout
  public let compute: ComputeContext
  public let samples: SampleShape
  public let runningStatistics: RunningStatistics?
  /// The layers as they are listed.
  let listed: [NetworkBuilder.Node]
  /// The layers as they compute, neighbours merged.
  let nodes: [NetworkBuilder.Node]
  /// Where the weights end that a layer, or one before it, reads: those of the tensors that there
  /// were when it was made.
  private let weightEnds: [Int]
  let input: NetworkBuilder.Value
  private let output: NetworkBuilder.Value
  /// Whether a recurrent layer's rows, and those of the last layer, lie by the place of their token
  /// where the loss is measured: that is how the recurrence makes them.
  private let rowsMayLieByTime: Bool
  /// The layers that add to the loss.
  private let layersWithLoss: [any LayerWithLoss]
  public let loss: any Loss
  /// Of what a network for one token is made, which reads a text token by token.
  let composition: [any LayerKind]
  lazy var reader = makeReader()
  /// What the layers remember of the tokens before a batch's, by layer; nil where there are none.
  var states: [UnsafeMutablePointer<Float>?]?
  private var plan: MemoryPlan
  /// The plan that is not in use: one of the two keeps what deferred gradients are made of. Nil
  /// until there was need for it.
  private var otherPlan: MemoryPlan?
  private let values: [NetworkBuilder.Value]
  /// The labels of texts, which have one for each token; nil for other data.
  private let tokenRows: TokenRows?
  private let block = Workspace()
  private let fixedScratch = Workspace()

  /// Composes layers for samples of a shape.
  ///
  /// - Throws: in one line that names the layer by its path, where its input does not go into it,
  ///   or where the last layer's result does not suit the loss.
  public init(
    _ layers: [any LayerKind], loss: any Loss = .crossEntropy, for samples: SampleShape,
    seed: UInt64
  ) throws(ExperimentError) {
    guard let shape = ActivationShape(samples) else {
      throw ExperimentError(
        "model.kind \"network\" needs numbers, images or a text: choose another data.kind")
    }
    composition = layers
    let compute = ComputeContext()
    var builder = NetworkBuilder(samples: samples, seed: seed, compute: compute)
    input = builder.input(shape)
    var first = input
    if case .maps(let channels, let height, let width) = shape, channels > 1, height * width > 1 {
      first = try builder.apply(ChannelsLast(shape), to: input, making: shape)
    }
    output = try builder.add(layers, after: first)
    guard !builder.nodes.isEmpty else {
      throw ExperimentError("model.layers: there is no layer: give at least one")
    }
    try Self.check(output.shape, suits: samples, loss)
    (listed, layout) = (builder.nodes, builder.finishedLayout)
    runningStatistics = builder.statistics
    nodes = Fusion.merged(builder.nodes)
    let segments = layout.segments
    weightEnds = nodes.map { node in
      node.tensors.upperBound == 0 ? 0 : segments[node.tensors.upperBound - 1].range.upperBound
    }
    let lastTwo = nodes.suffix(2)
    rowsMayLieByTime =
      lastTwo.first?.layer is TokenRecurrence && lastTwo.last?.layer is LinearLayer
      && lastTwo.last?.inputs == lastTwo.first.map { [$0.result] }
    layersWithLoss = nodes.compactMap { $0.layer as? any LayerWithLoss }
    (self.compute, self.samples, self.loss) = (compute, samples, loss)
    tokenRows =
      samples.tokens > 0 ? TokenRows(by: loss as? CrossEntropy ?? .crossEntropy) : nil
    values = builder.values
    plan = MemoryPlan(
      nodes, values: values, input: input.index, sharesOutput: tokenRows != nil)
  }

  /// A result that the loss can measure: as many values as it wants of a sample, or of a token.
  private static func check(
    _ output: ActivationShape, suits samples: SampleShape, _ loss: any Loss
  ) throws(ExperimentError) {
    guard samples.tokens == 0 || loss is CrossEntropy else {
      throw ExperimentError("model.loss: a text has the loss \"cross-entropy\"")
    }
    let wanted = try loss.outputs(for: samples)
    let what =
      samples.targets > 0
      ? "\"targets\""
      : samples.tokens > 0
        ? "\"vocabulary\"" : wanted == samples.classes ? "\"classes\"" : "\(wanted)"
    let shape: ActivationShape =
      samples.tokens > 0
      ? .sequence(length: samples.tokens, width: wanted) : .values(wanted)
    guard output == shape else {
      let hint =
        output.rows > 1 && samples.tokens == 0
        ? "flatten or pool what comes before the last layer"
        : "let the last layer have width = \(what)"
      throw ExperimentError(
        "model.layers: the last layer makes \(output) where the loss wants \(shape): \(hint)"
      )
    }
  }

  public var targetRange: ClosedRange<Float>? { loss.targetRange }
  public var asksForWeights: Bool { true }

  public var obstacleToSamples: String? {
    nodes.first { !$0.tensors.isEmpty && !$0.layer.measuresSamples }
      .map {
        $0.layer.mixesSamples
          ? "layer \($0.path) (\($0.kind)) mixes the samples of a micro-batch, so that none has a gradient by itself"
          : "layer \($0.path) (\($0.kind)) does not measure the gradients of samples"
      }
  }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for node in listed { node.layer.initialize(&weights, seed: seed) }
  }

  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? {
    nodes.reduce(0) { sum, node in
      sum + node.layer.fixedMultiplyAdds
        + samples * node.layer.multiplyAdds(isFirst: !node.inputs.contains(where: \.isTrained))
    }
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    compute.sampleSquares?.begin(batch.count, obstacle: obstacleToSamples)
    guard batch.count > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    let result = forward(
      batch, weights: weights, isTraining: true, rowsByTime: rowsMayLieByTime)
    var lossSum: Double
    if let tokenRows {
      lossSum =
        tokenRows.measure(
          result, vocabulary: output.shape.width, scale: scale, differentiating: true
        ).lossSum
    } else {
      lossSum =
        loss.measure(
          result, width: output.shape.width, batch: batch, scale: scale,
          gradient: block.base + plan.places[output.index].gradient! * batch.count
        ).lossSum
    }
    for layer in layersWithLoss { lossSum += layer.lossSum }
    for index in nodes.indices.reversed() {
      let node = nodes[index]
      for layer in plan.schedule.segment(endingAt: index)
      where plan.schedule.again[layer] != nil {
        nodes[layer].layer.forward(
          pass(
            layer, batch, .again, scale: scale, rowsByTime: rowsMayLieByTime, isTraining: true,
            accumulates: false), weights: weights)
      }
      guard node.result.isTrained else { continue }
      let pass = pass(
        index, batch, .backward, scale: scale, rowsByTime: rowsMayLieByTime, isTraining: true,
        accumulates: accumulate)
      node.layer.backward(pass, weights: weights, into: &gradient, finished: finished)
      for (position, value) in node.inputs.enumerated() where plan.adds[index][position] {
        guard let place = plan.places[value.index].gradient else { continue }
        cvk_add(
          block.base + place * batch.count,
          block.base + plan.addends[index][position] * batch.count,
          value.shape.count * batch.count)
      }
    }
    if plan.keepsGradients {
      makeDeferredGradients(
        batch, weights: weights, into: &gradient, scale: scale, accumulate: accumulate,
        finished: finished)
    }
    return lossSum
  }

  /// Makes the tensors' gradients, each sample's part times its factor.
  private func makeDeferredGradients(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
  ) {
    compute.sampleSquares!.makeFactors()
    for index in nodes.indices.reversed() {
      guard let layer = nodes[index].layer as? any SampleMeasuringLayer else { continue }
      layer.deferredGradients(
        pass(
          index, batch, .backward, scale: scale, rowsByTime: rowsMayLieByTime, isTraining: true,
          accumulates: accumulate), weights: weights, into: &gradient, finished: finished)
    }
  }

  /// Takes the plan that keeps what deferred gradients are made of, or the one that does not.
  private func usePlan(keepingGradients: Bool) {
    guard keepingGradients != plan.keepsGradients else { return }
    let next =
      otherPlan
      ?? MemoryPlan(
        nodes, values: values, input: input.index, sharesOutput: tokenRows != nil,
        keepsGradients: keepingGradients)
    (plan, otherPlan) = (next, plan)
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    let result = forward(
      batch, weights: weights, isTraining: false, rowsByTime: rowsMayLieByTime)
    if let tokenRows {
      return tokenRows.measure(result, vocabulary: output.shape.width, differentiating: false)
    }
    var evaluation = loss.measure(
      result, width: output.shape.width, batch: batch, scale: 1, gradient: nil)
    for layer in layersWithLoss { evaluation.lossSum += layer.lossSum }
    return evaluation
  }

  /// Of a text, each sample has as many rows of outputs as tokens.
  public var outputWidth: Int { output.shape.width }

  public func outputs(_ batch: borrowing Batch, weights: borrowing FlatVector)
    -> UnsafePointer<Float>
  {
    UnsafePointer(forward(batch, weights: weights, isTraining: false))
  }

  /// Bytes of activations and their gradients that a step needs for a sample.
  package var activationBytes: Int { plan.count * MemoryLayout<Float>.stride }

  /// Runs all layers, and returns the last one's result; `rowsByTime` is for its reader to say.
  func forward(
    _ batch: borrowing Batch, weights: borrowing FlatVector, isTraining: Bool,
    rowsByTime: Bool = false
  ) -> UnsafeMutablePointer<Float> {
    precondition(
      batch.shape.inputs == samples.inputs && batch.shape.tokens == samples.tokens,
      "samples of \(batch.shape.inputs) values and \(batch.shape.tokens) tokens cannot go into a network of \(samples.inputs) and \(samples.tokens)"
    )
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    usePlan(keepingGradients: isTraining && compute.sampleSquares?.factor != nil)
    block.reserve(batch.capacity * plan.count)
    fixedScratch.reserve(plan.fixedScratch)
    if case .tokens(_, let vocabulary) = input.shape {
      tokenRows?.take(batch, vocabulary: vocabulary, byTime: rowsByTime)
    }
    for index in nodes.indices {
      let pass = pass(
        index, batch, .forward, rowsByTime: rowsByTime, isTraining: isTraining, accumulates: false)
      compute.weightsNeeded(before: weightEnds[index])
      nodes[index].layer.forward(pass, weights: weights)
    }
    compute.weightsNeeded(before: layout.elementCount)
    return block.base + plan.places[output.index].values! * batch.count
  }

  private enum Phase { case forward, again, backward }

  /// Where a layer finds its values.
  private func pass(
    _ index: Int, _ batch: borrowing Batch, _ phase: Phase, scale: Float = 1, rowsByTime: Bool,
    isTraining: Bool, accumulates: Bool
  ) -> LayerPass {
    let (node, count, base) = (nodes[index], batch.count, block.base)
    let inputs = batch.inputs.baseAddress!
    func values(_ value: NetworkBuilder.Value) -> UnsafeMutablePointer<Float> {
      let place = plan.places[value.index]
      // What its own segment has made again.
      if phase != .forward, let again = place.again, place.segment == node.segment {
        return base + again * count
      }
      return place.values.map { base + $0 * count } ?? inputs
    }
    func gradient(_ position: Int) -> UnsafeMutablePointer<Float>? {
      guard phase == .backward, let place = plan.places[node.inputs[position].index].gradient else {
        return nil
      }
      return base + (plan.adds[index][position] ? plan.addends[index][position] : place) * count
    }
    let (saved, scratch) = (plan.saved[index], plan.scratch[index])
    let scratchPlace =
      switch phase {
      case .forward: scratch.forward
      case .again: scratch.again
      case .backward: scratch.backward
      }
    return LayerPass(
      samples: count, threads: compute.threads, isTraining: isTraining, accumulates: accumulates,
      x: values(node.inputs[0]), second: node.inputs.count > 1 ? values(node.inputs[1]) : nil,
      y: values(node.result),
      saved: base + (phase == .forward ? saved.forward : saved.backward) * count,
      scratch: base + scratchPlace * count,
      fixedScratch: fixedScratch.base,
      dy: base + (plan.places[node.result.index].gradient ?? 0) * count, dx: gradient(0),
      addsToGradient: plan.addsItself[index],
      dSecond: node.inputs.count > 1 ? gradient(1) : nil,
      tokens: UnsafePointer(batch.tokens.baseAddress!),
      sampleIndices: UnsafePointer(batch.samples.baseAddress!), state: states?[index],
      epoch: batch.epoch, rowsLieByTime: rowsByTime, statistics: runningStatistics,
      lossScale: scale,
      sampleSquares: phase == .backward ? compute.sampleSquares : nil,
      defersGradients: plan.keepsGradients)
  }
}
