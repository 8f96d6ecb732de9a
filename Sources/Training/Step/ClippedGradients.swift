import Configuration
import GradientNorms
import GradientReduction
import MPI
import Recording
import Vectors

/// The mean of gradients as they were before they were clipped one by one, at report steps, and how
/// far the mean of the clipped ones is from it. Costs a gradient's memory, and at each such step one
/// gradient reduction.
private final class ExactMean {
  private let report: Experiment.ReportChoice
  private var mean: FlatVector?
  /// Whether this step has it.
  private(set) var isMeasured = false

  init(_ report: Experiment.ReportChoice) { self.report = report }

  /// A step begins.
  func begin(_ step: StepInProgress) { isMeasured = report.includes(step: step.number) }

  /// Sums this rank's gradient, which is not clipped yet, over the ranks: it stays as it is.
  /// Collective.
  func sum(_ pass: GradientPass, on world: borrowing Communicator) throws {
    if mean == nil { mean = try pass.reducer.makeGradient(on: world) }
    mean!.copy(from: pass.gradient)
    _ = try pass.reducer.reduce(&mean!, on: world)
  }

  /// Sums this rank's gradient over the ranks in its place, where another pass may then begin.
  /// Collective: a reduction and a barrier, for other ranks read this rank's gradient until then.
  func sumInPlace(_ pass: GradientPass, on world: borrowing Communicator) throws {
    _ = try pass.reduce(on: world)
    if mean == nil {
      mean = FlatVector(copying: pass.gradient)
    } else {
      mean!.copy(from: pass.gradient)
    }
    try world.barrier()
  }

  /// Enters what is known of it in the parts of this rank's shard.
  func compare(
    _ gradient: borrowing FlatVector, in parts: [TensorLayout.Part], with ledger: inout NormLedger
  ) {
    guard isMeasured, mean != nil else { return }
    for part in parts {
      ledger.add(mean!.squaredNorm(in: part.range), to: .exactSquares)
      ledger.add(mean!.product(with: gradient, in: part.range), to: .exactProduct)
    }
  }
}

/// Scope `worker`: each rank's gradient is scaled to a limit before the reduction.
///
/// At report steps the exact mean gradient is summed too, which shows the difference: one gradient
/// reduction more.
final class WorkerClippedGradient: GradientScheme {
  private let limit: Double?
  private let exact: ExactMean

  init(limit: Double?, comparing report: Experiment.ReportChoice) {
    (self.limit, exact) = (limit, ExactMean(report))
  }

  func run(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> LocalNorms {
    let parts = try pass.accumulate(&step)
    exact.begin(step)
    guard let limit else { return LocalNorms(parts: parts, losses: parts) }
    if exact.isMeasured { try exact.sum(pass, on: world) }
    let squares = parts.reduce(0.0) { $0 + $1.squares.reduce(0, +) }
    let samples = step.batches.mine.count
    if squares > 0, samples > 0 {
      let norm = squares.squareRoot() * Double(step.batches.total) / Double(samples)
      let factor = clipCoefficient(norm: norm, limit: limit)
      if factor < 1 {
        pass.change {
          $0.scale(by: factor, in: 0..<$0.count)
          return nil
        }
      }
    }
    return LocalNorms(parts: parts, losses: parts)
  }

  func compare(
    _ gradient: borrowing FlatVector, in parts: [TensorLayout.Part], with ledger: inout NormLedger
  ) {
    exact.compare(gradient, in: parts, with: &ledger)
  }
}

/// Scope `sample`: each sample's gradient is scaled to a limit within the pass that makes their mean
/// (``/Models/SampleSquares/factor``), so that parts, their norms and losses are those of any pass.
///
/// At report steps a pass without the clip comes first and is summed, which shows the difference:
/// one pass, one gradient reduction and a barrier more.
final class SampleClippedGradient: GradientScheme {
  private let exact: ExactMean

  init(comparing report: Experiment.ReportChoice) { exact = ExactMean(report) }

  func run(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> LocalNorms {
    exact.begin(step)
    if exact.isMeasured {
      _ = try pass.accumulate(&step, again: true, measuringSamples: false)
      try exact.sumInPlace(pass, on: world)
      step.clock.mark(.reduce)
    }
    let parts = try pass.accumulate(&step)
    return LocalNorms(parts: parts, losses: parts)
  }

  func compare(
    _ gradient: borrowing FlatVector, in parts: [TensorLayout.Part], with ledger: inout NormLedger
  ) {
    exact.compare(gradient, in: parts, with: &ledger)
  }
}
