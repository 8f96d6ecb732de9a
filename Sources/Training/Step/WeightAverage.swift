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
  private let owned: OwnedRanges
  private var mean: FlatVector
  /// Whether a step was applied: without one there is no mean.
  private(set) var hasStarted = false

  init(decay: Double, owning ranges: OwnedRanges) {
    self.decay = Float(decay)
    owned = ranges
    var layout = TensorLayout()
    layout.add("average", shape: [ranges.count])
    mean = FlatVector(zeros: layout)
  }

  /// Takes in the weights after a step. Every element is averaged on its own: how the weights are
  /// divided among ranks does not change a bit.
  func add(_ weights: borrowing FlatVector) {
    for (range, start) in owned.stored {
      let (target, source) = (mean.base + start, weights.base + range.lowerBound)
      if hasStarted {
        // So that weights that rest are their own mean, to the bit.
        let share = 1 - decay
        for index in 0..<range.count { target[index] += share * (source[index] - target[index]) }
      } else {
        target.update(from: source, count: range.count)
      }
    }
    hasStarted = true
  }

  /// Puts the mean in the place of this rank's part of the weights, where there is one.
  func replace(_ weights: inout FlatVector) {
    guard hasStarted else { return }
    for (range, start) in owned.stored {
      (weights.base + range.lowerBound).update(from: mean.base + start, count: range.count)
    }
  }

  /// The mean over a part of one of the owned ranges, copied.
  func elements(in range: Range<Int>) -> [Float] {
    if range.isEmpty { return [] }
    let start = mean.base + owned.place(of: range.lowerBound)
    return Array(UnsafeBufferPointer(start: start, count: range.count))
  }

  /// Goes on from a checkpoint's mean of all weights.
  func restore(from whole: borrowing FlatVector) {
    for (range, start) in owned.stored {
      (mean.base + start).update(from: whole.base + range.lowerBound, count: range.count)
    }
    hasStarted = true
  }
}
