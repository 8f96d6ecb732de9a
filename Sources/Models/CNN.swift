import CVectorKernels
import ExperimentKeys
import Vectors

/// A convolutional classifier: stages of 3×3 convolution, ReLU and 2×2 max-pooling, then two fully
/// connected layers and the cross-entropy.
///
/// Tensors are `convI.weight [channels, inputs, 3, 3]`, `convI.bias`, I from 1, then `fc1` and
/// `fc2` as PyTorch's `nn.Linear`; `fc1` reads the last stage in the order of channel, row, column.
public final class CNN: PredictiveModel {
  public let layout: TensorLayout
  public let compute = ComputeContext()
  private let initialization: Initialization
  private let inputCount: Int
  private let stages: [Convolution]
  private let hidden: Linear
  private let output: Linear
  /// A convolution's results, and later their gradient; every stage uses it in turn.
  private let sums = Workspace()
  /// What each stage leaves after pooling, which of four values it took, and that gradient.
  private let pooled: [Workspace]
  private let choices: [Workspace]
  private let pooledGradients: [Workspace]
  /// The last stage as rows, the two layers' results, and the gradients of each.
  private let rows = Workspace()
  private let results = (hidden: Workspace(), output: Workspace())
  private let gradients = (rows: Workspace(), hidden: Workspace(), output: Workspace())

  /// Traps unless the image has at least one pixel after every stage has halved it.
  public init(
    image: SampleShape.Image, classes: Int, channels: [Int], width: Int,
    initialization: Initialization = .standard
  ) {
    precondition(
      !channels.isEmpty && (channels + [classes, width]).allSatisfy { $0 > 0 },
      "a layer needs at least one input and one output")
    var layout = TensorLayout()
    var maps = FeatureMaps(channels: image.channels, height: image.height, width: image.width)
    inputCount = maps.count
    var stages: [Convolution] = []
    for (index, count) in channels.enumerated() {
      stages.append(
        Convolution(
          "conv\(index + 1)", inputs: maps, channels: count, isFirst: index == 0, in: &layout,
          by: compute))
      maps = stages[index].outputs.pooled
    }
    precondition(
      maps.count > 0,
      "nothing is left of an image of \(image.height)×\(image.width) after \(channels.count) stages"
    )
    hidden = Linear(
      "fc1", inputs: maps.count, outputs: width, activation: .relu, in: &layout, by: compute)
    output = Linear(
      "fc2", inputs: width, outputs: classes, activation: nil, in: &layout, by: compute)
    self.stages = stages
    self.layout = layout
    self.initialization = initialization
    pooled = stages.map { _ in Workspace() }
    choices = stages.map { _ in Workspace() }
    pooledGradients = stages.map { _ in Workspace() }
  }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for stage in stages { stage.initialize(&weights, seed: seed, by: initialization) }
    hidden.initialize(&weights, seed: seed, by: initialization)
    output.initialize(&weights, seed: seed, by: initialization)
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    let count = batch.count
    guard count > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    let logits = forward(batch, weights: weights)
    gradients.output.reserve(batch.capacity * output.outputs)
    gradients.hidden.reserve(batch.capacity * hidden.outputs)
    gradients.rows.reserve(batch.capacity * hidden.inputs)
    let (dRows, dHidden, dOutput) = (
      gradients.rows.base, gradients.hidden.base, gradients.output.base
    )
    let lossSum = CrossEntropy().measure(
      logits, width: output.outputs, batch: batch, scale: scale, gradient: dOutput
    ).lossSum

    output.backward(
      dOutput, x: results.hidden.base, rows: count, into: &gradient, accumulate: accumulate,
      finished: finished)
    output.backward(dOutput, rows: count, weights: weights, toInputs: dHidden)
    Activation.relu.backward(dHidden, results: results.hidden.base, count: count * hidden.outputs)
    hidden.backward(
      dHidden, x: rows.base, rows: count, into: &gradient, accumulate: accumulate,
      finished: finished)
    hidden.backward(dHidden, rows: count, weights: weights, toInputs: dRows)

    for (index, stage) in stages.enumerated().reversed() {
      let maps = stage.outputs.pooled
      pooledGradients[index].reserve(batch.capacity * maps.storage)
      let d = pooledGradients[index].base
      if index == stages.count - 1 {
        maps.unflatten(dRows, samples: count, into: d)
      } else {
        stages[index + 1].backward(sums.base, samples: count, weights: weights, toInputs: d)
      }
      stage.backward(
        d, x: inputs(of: index, batch), pooled: pooled[index].base, choices: choiceBytes(index),
        samples: count, dSums: sums.base,
        into: &gradient, accumulate: accumulate, finished: finished)
    }
    return lossSum
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    return CrossEntropy().measure(
      forward(batch, weights: weights), width: output.outputs, batch: batch)
  }

  public var loss: any Loss { .crossEntropy }
  public var outputWidth: Int { output.outputs }

  public func outputs(_ batch: borrowing Batch, weights: borrowing FlatVector)
    -> UnsafePointer<Float>
  {
    UnsafePointer(forward(batch, weights: weights))
  }

  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? {
    samples
      * (stages.reduce(0) { $0 + $1.multiplyAdds } + 3 * hidden.inputs * hidden.outputs + 3
        * output.inputs * output.outputs)
  }

  /// Runs all layers and returns the last one's results.
  private func forward(_ batch: borrowing Batch, weights: borrowing FlatVector)
    -> UnsafeMutablePointer<Float>
  {
    precondition(
      batch.shape.inputs == inputCount,
      "samples of \(batch.shape.inputs) values cannot go into a model of \(inputCount) inputs")
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    let (count, capacity) = (batch.count, batch.capacity)
    for (index, stage) in stages.enumerated() {
      let maps = stage.outputs.pooled
      sums.reserve(capacity * stage.outputs.storage)
      pooled[index].reserve(capacity * maps.storage)
      choices[index].reserve((capacity * maps.storage + 3) / 4)
      stage.forward(
        inputs(of: index, batch), samples: count, weights: weights, sums: sums.base,
        pooled: pooled[index].base, choices: choiceBytes(index)
      )
    }
    rows.reserve(capacity * hidden.inputs)
    results.hidden.reserve(capacity * hidden.outputs)
    results.output.reserve(capacity * output.outputs)
    stages[stages.count - 1].outputs.pooled.flatten(
      pooled[stages.count - 1].base, samples: count, into: rows.base)
    hidden.forward(rows.base, rows: count, weights: weights, into: results.hidden.base)
    output.forward(results.hidden.base, rows: count, weights: weights, into: results.output.base)
    return results.output.base
  }

  private func inputs(of stage: Int, _ batch: borrowing Batch) -> UnsafePointer<Float> {
    UnsafePointer(stage == 0 ? batch.inputs.baseAddress! : pooled[stage - 1].base)
  }

  private func choiceBytes(_ stage: Int) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(choices[stage].base).assumingMemoryBound(to: UInt8.self)
  }
}

/// `model.kind = "cnn"`: two stages by default, for images of any size that they do not halve to
/// nothing.
public struct CNNKind: ModelKind {
  public static let kind = "cnn"
  public static let summary = "3×3 convolutions with ReLU and 2×2 maximum pooling, then two layers."
  public let channels: [Int]
  public let width: Int
  public let initialization: Initialization

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    channels = try keys.integers(
      "channels", default: [32, 64], in: 1...(1 << 14), "channels of each convolution")
    guard (1...16).contains(channels.count) else {
      throw keys.error(
        "channels",
        "\(channels.count) convolutions; give the channels of 1 to 16, each of which halves the image"
      )
    }
    width = try keys.integer(
      "width", default: 128, in: 1...(1 << 20), "width of the layer after them")
    initialization = try Initialization(&keys)
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    guard let image = samples.image, samples.labels == 1, samples.classes > 0 else {
      throw mismatch("images with a label each")
    }
    let least = 1 << channels.count
    guard image.height >= least, image.width >= least else {
      throw mismatch(
        "images of at least \(least)×\(least) pixels for \(channels.count) convolutions, not \(image.height)×\(image.width)"
      )
    }
    return CNN(
      image: image, classes: samples.classes, channels: channels, width: width,
      initialization: initialization)
  }
}
