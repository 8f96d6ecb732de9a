import Configuration
import GradientReduction
import GradientNorms
import MPI
import Models
import Vectors

extension Trainer {
  /// A gradient taken a step uphill: SAM (Foret et al. 2020, arXiv 2010.01412), and the
  /// gradient-norm penalty (Zhao et al. 2022, arXiv 2202.03599), whose gradient is (1 − α)·∇L(w) +
  /// α·∇L(w + r·∇L/‖∇L‖), α = λ/r; α = 1 is SAM.
  ///
  /// Synchronised, the uphill step follows the mean gradient by its exact norm: one gradient
  /// exchange and one small allreduce more. Otherwise each rank follows its own gradient, and no
  /// message is added. The loss is that of the weights before the uphill step.
  func samGradient(
    _ ascent: SAM, _ draw: StepBatches, into ledger: inout NormLedger,
    on world: borrowing Communicator, clock: inout PhaseClock
  ) throws -> (loss: Double, norm: Double) {
    if firstGradient == nil { firstGradient = FlatVector(zeros: model.layout) }
    if savedWeights == nil { savedWeights = FlatVector(zeros: model.layout) }
    let losses = try accumulateGradients(draw, again: true, clock: &clock)
    savedWeights!.copy(from: weights)
    let isSynchronized = experiment.regularization.isSynchronized
    var parts: [MicroBatchNorms]
    if isSynchronized {
      let squares = try exchange.reduce(&gradient, shares: draw.shares, on: world) ?? ownSquares()
      tracer?.summed(gradient)
      firstGradient!.copy(from: gradient)
      var sum = NormLedger(layout, rank: draw.rank)
      tracer?.follow(sum)
      for (part, squares) in zip(exchange.ownedParts, squares) {
        sum.add(squares, to: .lossSquares)
        tracer?.entered(part.range, sum, in: .side)
      }
      try reduce(&sum, on: world, from: .side)
      let norm = sum[.lossSquares].squareRoot()
      perturb(&weights, ascent.radius, norm: norm, in: exchange.updated)
      isUphill = true
      tracer?.updated(weights)
      try exchange.publish(&weights, on: world)
      tracer?.weightsPublished(weights)
      clock.mark(.reduce)
      parts = try accumulateGradients(draw, clock: &clock)
    } else {
      firstGradient!.copy(from: gradient)
      perturb(
        &savedWeights!, ascent.radius, norm: gradient.squaredNorm().squareRoot(),
        in: 0..<gradient.count)
      // Each rank is somewhere else now, and the weights may not be its own.
      swap(&weights, &savedWeights!)
      parts = try accumulateGradients(draw, clock: &clock)
      swap(&weights, &savedWeights!)
      if ascent.mixture != 1 {
        gradient.combine(
          own: ascent.mixture, with: firstGradient!, times: 1 - ascent.mixture,
          in: 0..<gradient.count)
        for (tensor, segment) in model.layout.segments.enumerated() {
          parts[0].squares[tensor] = gradient.squaredNorm(in: segment.range)
        }
        localSquares = parts[0].squares
      }
    }
    return contribute(parts, losses: losses, draw, into: &ledger)
  }

  /// Ends the uphill step that all ranks took, after the reduction of the gradient there: no rank
  /// is in the second pass any more.
  func restoreWeights() {
    guard isUphill else { return }
    isUphill = false
    weights.copy(
      from: savedWeights!, in: exchange.sharesWeights ? exchange.updated : 0..<weights.count)
  }

  /// w ← w + radius·g/‖g‖. Where the norm is not a positive number the weights stay: the second
  /// pass then shows what the first one did.
  private func perturb(
    _ weights: inout FlatVector, _ radius: Double, norm: Double, in range: Range<Int>
  ) {
    guard norm.isFinite, norm > 0 else { return }
    weights.combine(own: 1, with: firstGradient!, times: radius / norm, in: range)
  }
}
