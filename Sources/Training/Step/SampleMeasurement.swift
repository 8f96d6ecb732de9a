import Configuration
import GradientNorms
import GradientReduction
import MPI
import Models
import Vectors

/// The norm of every sample's gradient, measured in the passes of a step.
final class SampleMeasurement {
  /// What the model's layers add to.
  let squares: SampleSquares
  /// This rank's samples of the step.
  private var norms: [SampleNorms.Sample] = []
  private let rank: Int
  /// What combines the ranks' distributions; nil where only their sums are wanted.
  private let reduction: SampleReduction?

  /// Nil where samples are not measured. Throws where the model cannot.
  init?(_ model: any Model, _ settings: TrainerSettings, on world: borrowing Communicator) throws {
    guard settings.report.measuresSamples else { return nil }
    try settings.report.check(model)
    squares = SampleSquares(
      by: model.compute, mayMakeGradients: !settings.training.reproducible)
    rank = world.rank
    reduction = settings.report.samples ? try SampleReduction() : nil
  }

  func begin() { norms.removeAll(keepingCapacity: true) }

  /// Takes in the samples of a pass, whose gradients were scaled by 1/`total`.
  func add(_ batch: borrowing Batch, total: Int) {
    for (row, square) in squares.sums.enumerated() {
      norms.append(
        SampleNorms.Sample(
          index: Int(batch.samples[row]), norm: square.squareRoot() * Double(total), rank: rank))
    }
  }

  /// Enters this rank's samples, one by one: a sum of them would round.
  func contribute(to ledger: inout NormLedger) {
    for sample in norms {
      ledger.add(sample.norm * sample.norm, to: .sampleSquares)
      ledger.add(sample.norm, to: .sampleNorms)
    }
  }

  /// The distribution over all ranks, where it is wanted. Collective: one allreduce of 2.2 KB.
  func distribution(on world: borrowing Communicator) throws -> SampleNorms? {
    guard reduction != nil else { return nil }
    var all = SampleNorms()
    for sample in norms { all.add(sample) }
    try reduction?.reduce(&all, on: world)
    return all
  }
}
