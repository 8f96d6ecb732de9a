import Vectors

/// A function with trained weights and a loss: all that a training step needs to know of what it
/// trains.
///
/// Weights and gradient belong to the caller, as one flat vector each. A model keeps only scratch
/// for its activations, made for the largest micro-batch on first use and reused from then on.
/// Losses and gradients depend on the arguments alone: nothing is carried from one call to the
/// next, so a micro-batch's gradient is the same whichever rank computes it, at the same number of
/// threads. Only evaluation also reads ``runningStatistics``, which the caller updates.
public protocol Model: AnyObject {
  /// The tensors, named and shaped as PyTorch's `state_dict` has them, first layer first.
  var layout: TensorLayout { get }
  /// What its layers compute with: one object for the model's life.
  var compute: ComputeContext { get }
  /// Whether it asks for weights before it reads them (``ProgressHook/weightsNeeded(before:)``), so
  /// that its forward pass may begin while those of later layers are still on their way.
  var asksForWeights: Bool { get }
  /// What ``Evaluation/score`` counts, as reports name its mean.
  var scoreName: String { get }

  /// The values that its loss is defined for as inputs; nil for all finite ones. Callers refuse
  /// others: the loss would be a number all the same.
  var inputRange: ClosedRange<Float>? { get }
  /// The same for targets.
  var targetRange: ClosedRange<Float>? { get }

  /// Running means and variances that it is evaluated by, where it has batch normalization; nil
  /// for a model that has weights alone.
  var runningStatistics: RunningStatistics? { get }

  /// Why its backward pass cannot measure each sample's gradient by itself
  /// (``ComputeContext/sampleSquares``), in words that follow "because"; nil where it can.
  var obstacleToSamples: String? { get }

  /// Fills all weights with their starting values, a function of the seed and of each tensor's
  /// index.
  func initialize(_ weights: inout FlatVector, seed: UInt64)

  /// Sets the gradient to `scale` · Σ ∂loss/∂w over the batch's samples, or adds that to it, and
  /// returns the sum of their losses.
  ///
  /// - `accumulate`: true adds; false overwrites whatever the tensors held, NaN included. The gaps
  ///   between tensors are not touched.
  /// - `finished` is called with a tensor's index as soon as its gradient is complete, for every
  ///   tensor once, last to first.
  ///
  /// An empty batch has the loss 0 and the gradient 0. A weight, input or logit that is not finite
  /// makes the loss or the gradient so.
  func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double

  /// The losses and scores of a batch, without a gradient.
  func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation

  /// The multiply-adds in matrix products and convolutions of one
  /// ``lossAndGradient(_:weights:into:scale:accumulate:finished:)`` over `samples` samples of a
  /// shape, forward and backward; nil where they have not been counted.
  ///
  /// A product is counted as the model computes it, without what is there to save memory or to fill
  /// a register: a product done again in the backward pass, the masked half of attention's scores,
  /// the padding of channels.
  func multiplyAdds(samples: Int, of shape: SampleShape) -> Int?

  /// The model's layers, first to last, for the table of layers.
  var layerSummaries: [LayerSummary] { get }
}

/// A model whose starting weights depend on samples.
public protocol DataDependentInitialization: Model {
  /// How many samples it wants to see: the first of epoch 0's order.
  var startingSamples: Int { get }
  /// Fills all weights with their starting values, a function of the seed and of these samples, the
  /// same on every rank.
  func initialize(_ weights: inout FlatVector, seed: UInt64, samples: borrowing Batch)
  /// What the user is to know where these samples cannot give a good start; nil where they can.
  func startingNote(_ samples: borrowing Batch) -> String?
}

extension Model {
  /// Nothing is done between the products of a model that has none of its own.
  public var compute: ComputeContext { ComputeContext() }
  public var asksForWeights: Bool { false }
  public var scoreName: String { "accuracy" }
  public var inputRange: ClosedRange<Float>? { nil }
  public var targetRange: ClosedRange<Float>? { nil }
  public var runningStatistics: RunningStatistics? { nil }
  public var obstacleToSamples: String? { "the model does not measure the gradients of samples" }

  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? { nil }

  /// What ``lossAndGradient(_:weights:into:scale:accumulate:finished:)`` does for an empty batch.
  public func gradientOfNothing(
    into gradient: inout FlatVector, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    for segment in layout.segments.indices.reversed() {
      if !accumulate { gradient.setToZero(in: layout.segments[segment].range) }
      finished(segment, &gradient)
    }
    return 0
  }
}
