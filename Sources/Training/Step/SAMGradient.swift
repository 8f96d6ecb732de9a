import Configuration
import GradientNorms
import GradientReduction
import MPI
import Recording
import Reports
import Vectors

/// A gradient taken a step uphill: SAM (Foret et al. 2020, arXiv 2010.01412), and the gradient-norm
/// penalty (Zhao et al. 2022, arXiv 2202.03599), whose gradient is (1 − α)·∇L(w) + α·∇L(w +
/// r·∇L/‖∇L‖), α = λ/r; α = 1 is SAM.
///
/// Synchronised, the uphill step follows the mean gradient by its exact norm: one gradient
/// reduction and one small allreduce more. Otherwise each rank follows its own gradient, and no
/// message is added. The loss is that of the weights before the uphill step, which leaves frozen
/// tensors as they are.
final class SAMGradient: GradientScheme {
  private let sam: SAM
  private let isSynchronized: Bool
  /// Tensors that no update reaches, by index.
  private let frozen: Set<Int>
  private var firstGradient: FlatVector
  private var savedWeights: FlatVector
  /// Whether the weights are those of an uphill step that all ranks took.
  private var isUphill = false
  private let observers: StepObservers

  init(
    _ sam: SAM, synchronized: Bool, _ layout: TensorLayout, frozen: Set<Int>,
    _ observers: StepObservers
  ) {
    (self.sam, isSynchronized, self.observers) = (sam, synchronized, observers)
    self.frozen = frozen
    firstGradient = FlatVector(zeros: layout)
    savedWeights = FlatVector(zeros: layout)
  }

  func run(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> LocalNorms {
    let losses = try pass.accumulate(&step, again: true)
    savedWeights.copy(from: pass.parameters.weights)
    let parts =
      isSynchronized
      ? try runTogether(pass, &step, statistics, on: world) : try runAlone(pass, &step)
    return LocalNorms(parts: parts, losses: losses)
  }

  private func runTogether(
    _ pass: GradientPass, _ step: inout StepInProgress, _ statistics: StepStatistics,
    on world: borrowing Communicator
  ) throws -> [MicroBatchNorms] {
    let partition = pass.reducer.partition
    let squares = try pass.reduce(on: world)
    firstGradient.copy(from: pass.gradient)
    var sum = statistics.sideLedger(rank: step.batches.rank)
    for (part, squares) in zip(partition.shardParts, squares) {
      if !frozen.contains(part.tensor) { sum.add(squares, to: .lossSquares) }
      observers.entered(part.range, sum, in: .side)
    }
    try statistics.reduce(&sum, .side, on: world)
    let norm = sum[.lossSquares].squareRoot()
    perturb(&pass.parameters.weights, norm: norm, in: partition.updated)
    isUphill = true
    for observer in observers.all { observer.updated(pass.parameters.weights) }
    try pass.parameters.startAllGather(on: world)
    for observer in observers.all { observer.gathered(pass.parameters.weights) }
    step.clock.mark(.reduce)
    return try pass.accumulate(&step)
  }

  private func runAlone(_ pass: GradientPass, _ step: inout StepInProgress) throws
    -> [MicroBatchNorms]
  {
    firstGradient.copy(from: pass.gradient)
    let all = OwnedRanges(0..<firstGradient.count)
    let squares =
      frozen.isEmpty
      ? firstGradient.squaredNorm()
      : movable(in: all.ranges).reduce(0) { $0 + firstGradient.squaredNorm(in: $1) }
    perturb(&savedWeights, norm: squares.squareRoot(), in: all)
    // Each rank is somewhere else now, and the weights may not be its own.
    swap(&pass.parameters.weights, &savedWeights)
    var parts = try pass.accumulate(&step)
    swap(&pass.parameters.weights, &savedWeights)
    if sam.mixture != 1 {
      pass.change { gradient in
        gradient.combine(
          own: sam.mixture, with: firstGradient, times: 1 - sam.mixture, in: all.ranges[0])
        for (tensor, segment) in gradient.layout.segments.enumerated() {
          parts[0].squares[tensor] = gradient.squaredNorm(in: segment.range)
        }
        return parts[0].squares
      }
    }
    return parts
  }

  /// Ends the uphill step that all ranks took: no rank is in the second pass any more.
  func restore(_ parameters: Parameters) {
    guard isUphill else { return }
    isUphill = false
    parameters.restore(from: savedWeights)
  }

  func mix(into gradient: inout FlatVector, in range: Range<Int>) {
    guard isSynchronized, sam.mixture != 1 else { return }
    gradient.combine(own: sam.mixture, with: firstGradient, times: 1 - sam.mixture, in: range)
  }

  /// w ← w + r·g/‖g‖. Where the norm is not a positive number the weights stay: the second pass
  /// then shows what the first one did.
  private func perturb(_ weights: inout FlatVector, norm: Double, in ranges: OwnedRanges) {
    guard norm.isFinite, norm > 0 else { return }
    for range in frozen.isEmpty ? ranges.ranges : movable(in: ranges.ranges) {
      weights.combine(own: 1, with: firstGradient, times: sam.radius / norm, in: range)
    }
  }

  /// What of some ranges belongs to tensors that are not frozen.
  private func movable(in ranges: [Range<Int>]) -> [Range<Int>] {
    ranges.flatMap { firstGradient.layout.parts(of: $0) }.filter { !frozen.contains($0.tensor) }
      .map(\.range)
  }
}
