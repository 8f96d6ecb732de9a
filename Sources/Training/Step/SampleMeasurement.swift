import Configuration
import GradientNorms
import GradientReduction
import MPI
import Models
import Vectors

/// The norm of every sample's gradient, measured in the passes of a step, and in scope `sample` what
/// each is multiplied by.
final class SampleMeasurement {
  /// What the model's layers add to.
  let squares: SampleSquares
  /// What each sample's gradient is limited to; nil where they are measured alone.
  private let limit: Double?
  /// This rank's samples of the step.
  private var norms: [SampleNorms.Sample] = []
  private let rank: Int
  /// What combines the ranks' distributions; nil where only their sums are wanted.
  private let reduction: SampleReduction?

  /// Nil where samples are neither measured nor clipped. Throws where the model cannot.
  init?(_ model: any Model, _ settings: TrainerSettings, on world: borrowing Communicator) throws {
    guard settings.report.measuresSamples || settings.clipScope == .sample else { return nil }
    try settings.report.check(model, settings.clipScope)
    squares = SampleSquares(
      by: model.compute, mayMakeGradients: !settings.training.reproducible)
    limit = settings.clipScope == .sample ? settings.clip.limit : nil
    rank = world.rank
    reduction = settings.report.samples ? try SampleReduction() : nil
  }

  /// A step begins, in whose passes gradients are scaled by 1/`total`.
  func begin(total: Int) {
    norms.removeAll(keepingCapacity: true)
    if limit != nil {
      squares.factor = { [unowned self] in self.factor(norm: SampleSquares.norm($0, total: total)) }
    }
  }

  private func factor(norm: Double) -> Double {
    limit.map { clipCoefficient(norm: norm, limit: $0) } ?? 1
  }

  /// Takes in the samples of a pass, whose gradients were scaled by 1/`total`.
  func add(_ batch: borrowing Batch, total: Int) {
    squares.forEachSample(of: batch, total: total, rank: rank) { norms.append($0) }
  }

  /// Enters this rank's samples, one by one: a sum of them would round.
  func contribute(to ledger: inout NormLedger) {
    for sample in norms {
      ledger.add(sample.norm * sample.norm, to: .sampleSquares)
      ledger.add(sample.norm, to: .sampleNorms)
      guard limit != nil else { continue }
      let factor = factor(norm: sample.norm)
      if factor < 1 { ledger.add(1, to: .clippedSamples) }
      ledger.add(factor * sample.norm * (factor * sample.norm), to: .clippedSampleSquares)
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

extension SampleSquares {
  /// A sample's norm, of gradients that were scaled by 1/`total`.
  static func norm(_ square: Double, total: Int) -> Double { square.squareRoot() * Double(total) }

  /// Calls `body` with each sample of the batch that the last pass measured.
  func forEachSample(
    of batch: borrowing Batch, total: Int, rank: Int, _ body: (SampleNorms.Sample) -> Void
  ) {
    for (row, square) in sums.enumerated() {
      body(
        SampleNorms.Sample(
          index: Int(batch.samples[row]), norm: Self.norm(square, total: total), rank: rank))
    }
  }
}
