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

/// Scope `worker`: each rank's gradient is scaled to a limit before the reduction.
///
/// At report steps the exact mean gradient is summed too, which shows the difference: one gradient
/// reduction more.
final class WorkerClippedGradient: GradientScheme {
  private let limit: Double?
  private let every: Int
  private var exact: FlatVector?
  /// Whether this step has the exact mean gradient.
  private var compares = false

  /// `every` is the number of steps between two comparisons, the first of which is at step 1.
  init(limit: Double?, comparingEvery every: Int) { (self.limit, self.every) = (limit, every) }

  func run(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> LocalNorms {
    let parts = try pass.accumulate(&step)
    compares = step.number == 1 || step.number % every == 0
    guard let limit else { return LocalNorms(parts: parts, losses: parts) }
    if compares {
      if exact == nil { exact = try pass.reducer.makeGradient(on: world) }
      exact!.copy(from: pass.gradient)
      _ = try pass.reducer.reduce(&exact!, on: world)
    }
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
    guard compares, exact != nil else { return }
    for part in parts {
      ledger.add(exact!.squaredNorm(in: part.range), to: .exactSquares)
      ledger.add(exact!.product(with: gradient, in: part.range), to: .exactProduct)
    }
  }
}
