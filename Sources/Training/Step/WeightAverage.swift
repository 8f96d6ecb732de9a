import Vectors

/// A running mean of the weights that this rank updates: w̄ ← d·w̄ + (1 − d)·w after each step that
/// was applied.
///
/// The first such step's weights are the mean's start, as in PyTorch's `AveragedModel`
/// (`torch.optim.swa_utils`), so that no bias towards zero or the initial weights needs a
/// correction; the mean is Polyak and Juditsky's (1992) with exponential weights. It costs one
/// Float32 for each weight that the rank updates, and one pass over them a step.
final class WeightAverage {
  private let decay: Float
  /// The positions in the flat vector that this rank updates.
  private let owned: Range<Int>
  private var mean: FlatVector
  /// Whether a step was applied: without one there is no mean.
  private(set) var hasStarted = false

  init(decay: Double, owning range: Range<Int>) {
    self.decay = Float(decay)
    owned = range
    var layout = TensorLayout()
    layout.add("average", shape: [range.count])
    mean = FlatVector(zeros: layout)
  }

  /// Takes in the weights after a step. Every element is averaged on its own: how the weights are
  /// divided among ranks does not change a bit.
  func add(_ weights: borrowing FlatVector) {
    let (target, source) = (mean.base, weights.base + owned.lowerBound)
    if hasStarted {
      // So that weights that rest are their own mean, to the bit.
      let share = 1 - decay
      for index in 0..<owned.count { target[index] += share * (source[index] - target[index]) }
    } else {
      target.update(from: source, count: owned.count)
      hasStarted = true
    }
  }

  /// Puts the mean in the place of this rank's part of the weights, where there is one.
  func replace(_ weights: inout FlatVector) {
    guard hasStarted else { return }
    (weights.base + owned.lowerBound).update(from: mean.base, count: owned.count)
  }

  /// The mean over a part of the owned range, copied.
  func elements(in range: Range<Int>) -> [Float] {
    Array(
      UnsafeBufferPointer(
        start: mean.base + (range.lowerBound - owned.lowerBound), count: range.count))
  }

  /// Goes on from a checkpoint's mean of all weights.
  func restore(from whole: borrowing FlatVector) {
    mean.base.update(from: whole.base + owned.lowerBound, count: owned.count)
    hasStarted = true
  }
}
