import GradientNorms
import GradientReduction
import MPI
import Optimizers
import Vectors

/// The weights that a step's update is measured against and taken back from, where the clip rule
/// limits the update (`clip.of = "update"`).
///
/// The optimiser updates the weights w to w′ as always. The update of a tensor is u = (w − w′)/rate,
/// rate being the tensor's: what momentum, moments, trust ratios and the optimiser's own weight decay
/// make of the gradient, without the rate, as Adafactor's RMS is of (arXiv 1804.04235, section 6).
/// Decay outside the optimiser's step (`regularization.decoupled`) is no part of it. It is measured
/// as the weights take it in: rounded to their Float32. A factor c then makes w′ + (1 − c)·rate·u of
/// the new weights. Costs one Float32 for each weight that the rank updates.
final class UpdateClip {
  private let owned: OwnedRanges
  /// w before the optimiser's update, of the owned ranges one after another.
  private var before: FlatVector

  init(owning ranges: OwnedRanges) {
    owned = ranges
    var layout = TensorLayout()
    layout.add("before", shape: [ranges.count])
    before = FlatVector(zeros: layout)
  }

  /// Keeps the weights of a range that is to be updated.
  func keep(_ weights: borrowing FlatVector, in range: Range<Int>) {
    guard !range.isEmpty else { return }
    (before.base + owned.place(of: range.lowerBound)).update(
      from: weights.base + range.lowerBound, count: range.count)
  }

  /// ‖u‖² from the squares of what an optimiser changed at this rate; 0 at rate 0.
  static func squares(_ norms: UpdateNorms, rate: Double) -> Double {
    rate > 0 ? norms.squaredChange / (rate * rate) : 0
  }

  /// Multiplies the update of a range by a factor, in the weights.
  func scale(_ weights: inout FlatVector, by factor: Double, in range: Range<Int>) {
    guard !range.isEmpty else { return }
    let old = before.base + owned.place(of: range.lowerBound)
    let new = weights.base + range.lowerBound
    let taken = Float(1 - factor)
    for index in 0..<range.count { new[index] += taken * (old[index] - new[index]) }
  }
}

extension ParameterUpdater {
  /// Updates all parts, has the update's norms reduced, and shortens it in the weights. Collective,
  /// one small allreduce.
  func applyClipped(
    _ decision: StepDecision, _ gradient: borrowing FlatVector, _ trust: [Double]?, rate: Double,
    _ clip: UpdateClip, on world: borrowing Communicator, _ clipping: (NormLedger) -> ClippedUpdate
  ) throws -> ClippedUpdate {
    var updates = statistics.sideLedger(rank: world.rank)
    var norms: [UpdateNorms] = []
    for (part, isInShard) in partition.updateParts {
      norms.append(
        update(part, gradient, decision, trust, rate: rate, measures: isInShard) { change, rate in
          guard isInShard else { return }
          updates.add(UpdateClip.squares(change, rate: rate), to: .squares, of: part.tensor)
        })
      statistics.observers.entered(part.range, updates, in: .side)
    }
    try statistics.reduce(&updates, .side, on: world)
    let clipped = clipping(updates)
    statistics.beginUpdate()
    for (index, (part, isInShard)) in partition.updateParts.enumerated() {
      let factor = clipped.factors.factor(ofTensor: part.tensor)
      if factor != 1, treatments?[part.tensor].isFrozen != true {
        clip.scale(&parameters.weights, by: factor, in: part.range)
        if decay * rate > 0 {
          norms[index].squaredChange = parameters.weights.squaredDistance(
            to: undecayed!, in: part.range)
        } else {
          norms[index].squaredChange *= factor * factor
        }
      }
      if isInShard { statistics.add(norms[index], of: part.range) }
    }
    return clipped
  }
}
