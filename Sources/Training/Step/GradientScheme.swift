import GradientNorms
import GradientReduction
import MPI
import Vectors

/// How a step's gradient comes about: by one pass over its samples, or by what wraps one.
protocol GradientScheme: AnyObject {
  /// Leaves wᵢ gᵢ with the reducer, and returns the norms of this rank's parts with their losses.
  /// Collective.
  func run(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> LocalNorms

  /// The ranks' gradients are summed: weights that are not those of the step are taken back.
  func restore(_ parameters: Parameters)

  /// Adds what else the mean gradient is made of, where this rank updates.
  func mix(into gradient: inout FlatVector, in range: Range<Int>)

  /// Enters how far what is applied is from the exact mean gradient.
  func compare(
    _ gradient: borrowing FlatVector, in parts: [TensorLayout.Part], with ledger: inout NormLedger)
}

/// The norms of this rank's parts, and the losses, which an earlier pass may have measured.
struct LocalNorms {
  var parts: [MicroBatchNorms]
  var losses: [MicroBatchNorms]
}

extension GradientScheme {
  func restore(_ parameters: Parameters) {}
  func mix(into gradient: inout FlatVector, in range: Range<Int>) {}
  func compare(
    _ gradient: borrowing FlatVector, in parts: [TensorLayout.Part], with ledger: inout NormLedger
  ) {}
}

/// The gradient at the weights as they are, by one pass.
final class PlainGradient: GradientScheme {
  /// Whether a tensor's gradient may leave as soon as it is complete. By the bound the clip is
  /// decided before, from all ranks' norms.
  private let leaves: Bool

  init(leaving: Bool) { leaves = leaving }

  func run(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> LocalNorms {
    let parts = try pass.accumulate(&step, leaving: leaves)
    return LocalNorms(parts: parts, losses: parts)
  }
}
