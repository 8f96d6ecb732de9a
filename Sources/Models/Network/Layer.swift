import ExperimentKeys
import Vectors

/// A layer as a network is composed of: `layers = [{ kind = "dense", width = 64 }, …]` in an
/// experiment file, `Dense(64)` in Swift.
///
/// It is a value with the layer's settings. Between an input of known shape and what follows it
/// becomes one or several ``Layer``s, which compute.
public protocol LayerKind: Kind {
  /// Adds what computes this layer after `x`, and returns its result.
  ///
  /// - Throws: in one line, where such an input cannot go into it; the network adds the layer's
  ///   path.
  func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value) throws(ExperimentError)
    -> NetworkBuilder.Value
}

/// A layer between inputs and a result of known shapes: forward and backward, over the samples of
/// a micro-batch.
///
/// It holds no activations: a network plans where these lie (``LayerMemory``), and hands a
/// ``LayerPass`` to each call. Results depend on the arguments alone.
public protocol Layer: AnyObject {
  /// What the network's memory has to have for it.
  var memory: LayerMemory { get }

  /// The multiply-adds of one sample in matrix products and convolutions, forward and backward;
  /// `isFirst` where the inputs' gradient is not wanted.
  func multiplyAdds(isFirst: Bool) -> Int
  /// Those of a call, whatever the number of samples.
  var fixedMultiplyAdds: Int { get }

  /// What a row of its result depends on, of a text's rows.
  var reach: LayerReach { get }

  /// Whether a sample's result depends on the other samples of its micro-batch.
  var mixesSamples: Bool { get }

  /// Fills its tensors with their starting values, functions of the seed and the tensors' indices.
  func initialize(_ weights: inout FlatVector, seed: UInt64)

  /// Writes the result, `pass.y`, from the inputs, `pass.x`.
  func forward(_ pass: LayerPass, weights: borrowing FlatVector)

  /// Sets the gradient of its tensors, or adds to it where `pass.accumulates`, and writes
  /// ∂loss/∂x where that is wanted (`pass.dx`), from ∂loss/∂y (`pass.dy`, which it may overwrite).
  ///
  /// `finished` is called with a tensor's index as soon as its gradient is complete, last to first.
  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void)
}

/// A layer that measures the gradients of single samples: its backward pass adds the squares of each
/// sample's gradient of its tensors to ``LayerPass/sampleSquares``, where that is given, and leaves
/// these gradients to ``deferredGradients(_:weights:into:finished:)`` where the pass says so
/// (``LayerPass/defersGradients``).
public protocol SampleMeasuringLayer: Layer {
  /// Sets the gradient of its tensors, or adds to it, each sample's part times its factor
  /// (``SampleSquares/factors``), from what a backward pass that defers gradients has left in the
  /// places of `pass`.
  ///
  /// Called after the backward passes of all layers, last layer first; `finished` as in a backward
  /// pass.
  func deferredGradients(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void)
}

extension Layer {
  public func multiplyAdds(isFirst: Bool) -> Int { 0 }
  public var fixedMultiplyAdds: Int { 0 }
  public var reach: LayerReach { .row }
  var measuresSamples: Bool { self is any SampleMeasuringLayer }
  public var mixesSamples: Bool { false }
  public func initialize(_ weights: inout FlatVector, seed: UInt64) {}
}

/// A layer that has a loss of its own, which is added to that of the outputs.
protocol LayerWithLoss: Layer {
  /// The loss of the last forward pass, summed over its samples. The backward pass differentiates it
  /// times `pass.lossScale`.
  var lossSum: Double { get }
}

/// What the result for a token of a text depends on.
public enum LayerReach: Sendable, Equatable {
  /// On that token's row alone.
  case row
  /// On its row, and on so many values that the layer carries from token to token.
  case state(Int)
  /// On its row, its place, and the rows before it.
  case before
  /// On all rows.
  case all
}

/// What a layer needs of the memory of its network.
public struct LayerMemory: Sendable {
  /// Whether the backward pass reads the inputs.
  public var keepsInputs: Bool
  /// Whether the backward pass reads the result.
  public var keepsResult: Bool
  /// Whether the result may be written over the input, value by value, and ∂loss/∂x over ∂loss/∂y.
  public var isInPlace: Bool
  /// Whether the first input is added to the result as it is, so that no backward pass reads it.
  var onlyAddsFirst = false
  /// Whether it can add ∂loss/∂ the first input to what is there (`pass.addsToGradient`).
  var addsToGradient = false
  /// Values of a sample that the forward pass leaves for the backward pass.
  public var saved: Int
  /// Values of a sample that are used within one call, forward or backward.
  public var scratch: Int
  /// Whether what the backward pass has left in its scratch is read by
  /// ``SampleMeasuringLayer/deferredGradients(_:weights:into:finished:)``.
  public var keepsScratch = false
  /// Values that are used within one call, whatever the number of samples.
  public var fixedScratch: Int

  public init(
    keepsInputs: Bool = false, keepsResult: Bool = false, isInPlace: Bool = false, saved: Int = 0,
    scratch: Int = 0, fixedScratch: Int = 0
  ) {
    (self.keepsInputs, self.keepsResult, self.isInPlace) = (keepsInputs, keepsResult, isInPlace)
    (self.saved, self.scratch, self.fixedScratch) = (saved, scratch, fixedScratch)
  }

  /// Whether the backward pass reads an input.
  func keepsInput(_ position: Int) -> Bool { keepsInputs && !(position == 0 && onlyAddsFirst) }
}

/// One call of a layer: the micro-batch, and where its values lie.
///
/// All values are row-major, a sample after the other, without gaps.
public struct LayerPass {
  /// Samples in the micro-batch; at least one.
  public let samples: Int
  /// Threads that rows, columns or samples may be divided among; never what a sum is made of.
  public let threads: ComputeThreads
  /// Whether this is training: dropout does nothing otherwise.
  public let isTraining: Bool
  /// Whether the gradient is added to what is there.
  public let accumulates: Bool
  /// The first input.
  public let x: UnsafeMutablePointer<Float>
  /// The second input, of a layer of two.
  public let second: UnsafeMutablePointer<Float>?
  public let y: UnsafeMutablePointer<Float>
  /// What the forward pass leaves for the backward pass.
  public let saved: UnsafeMutablePointer<Float>
  public let scratch: UnsafeMutablePointer<Float>
  public let fixedScratch: UnsafeMutablePointer<Float>
  /// ∂loss/∂y; only in the backward pass.
  public let dy: UnsafeMutablePointer<Float>
  /// Where ∂loss/∂x goes; nil where it is not wanted.
  public let dx: UnsafeMutablePointer<Float>?
  /// Whether ∂loss/∂x is added to what is there; only for a layer that can.
  let addsToGradient: Bool
  /// Where ∂loss/∂ the second input goes.
  public let dSecond: UnsafeMutablePointer<Float>?
  /// The batch's tokens, a sample's after the other; for a layer that reads them.
  public let tokens: UnsafePointer<Int32>
  /// Each sample's index in its data set: with the seed, the epoch and the layer it keys random
  /// numbers, so that these never depend on a rank.
  public let sampleIndices: UnsafePointer<UInt32>
  /// What the layer remembers of the tokens before these, which it then replaces; nil where they
  /// are a sample's first. Only in the forward pass, of one sample.
  let state: UnsafeMutablePointer<Float>?
  public let epoch: Int
  /// Whether the rows of a text lie by the place of their token, then by sample, in `y` and `dy`:
  /// only for layers between which a network has agreed on it.
  let rowsLieByTime: Bool
  /// Running means and variances, of which the layer knows its own
  /// (``NetworkBuilder/runningTensor(_:width:initial:momentum:needing:)``); nil in a network
  /// without any.
  public let statistics: RunningStatistics?
  /// What losses are multiplied by before they are differentiated; ∂loss/∂y has it in it.
  let lossScale: Float
  /// Where Σ (∂lossᵢ/∂w)² over the layer's tensors is added, a sum a sample i; nil where it is not
  /// wanted. Only in the backward pass.
  public let sampleSquares: SampleSquares?
  /// Whether the backward pass makes no gradient of its tensors:
  /// ``SampleMeasuringLayer/deferredGradients(_:weights:into:finished:)`` follows.
  public let defersGradients: Bool
}
