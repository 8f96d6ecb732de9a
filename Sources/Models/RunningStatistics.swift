import Vectors

/// What a model with batch normalization keeps beside its weights: running means and variances,
/// by which it is evaluated, and those of the micro-batch that it has seen last.
///
/// They are no parameters: they have no gradient, norm, clip, decay or penalty, and no optimiser
/// changes them. The training loop calls ``update(with:)`` after a step that was applied.
public final class RunningStatistics {
  /// The tensors, named as PyTorch names its buffers: `1.running_mean`.
  public let layout: TensorLayout
  /// The running values.
  public var values: FlatVector
  /// Those of the micro-batch that ``Model/lossAndGradient(_:weights:into:scale:accumulate:finished:)``
  /// was last given: each channel's mean, and its variance divided by one less than the values.
  public internal(set) var found: FlatVector
  /// m of r ← (1 − m)·r + m·s, for each tensor.
  public let momenta: [Double]
  /// The fewest samples that have a variance: 2 where a sample has one value a channel.
  public let leastSamples: Int

  /// - Parameter initial: what each tensor is filled with.
  init(_ layout: TensorLayout, initial: [Float], momenta: [Double], leastSamples: Int) {
    (self.layout, self.momenta, self.leastSamples) = (layout, momenta, leastSamples)
    values = FlatVector(zeros: layout)
    found = FlatVector(zeros: layout)
    for (index, segment) in layout.segments.enumerated() {
      values.set(index, to: repeatElement(initial[index], count: segment.count))
    }
  }

  /// Moves the running values towards a step's, r ← (1 − m)·r + m·s, each computed in Double.
  ///
  /// - Parameter step: the step's value of an element of the flat vector.
  public func update(with step: (Int) -> Double) {
    for (segment, momentum) in zip(layout.segments, momenta) {
      for place in segment.range {
        values.base[place] = Float(
          (1 - momentum) * Double(values.base[place]) + momentum * step(place))
      }
    }
  }
}
