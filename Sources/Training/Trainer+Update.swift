import Configuration
import GradientReduction
import GradientNorms
import MPI
import Models
import Optimizers
import Reports
import Vectors

extension Trainer {
  /// Applies the decision to the weights this rank updates, part by part.
  func update(
    _ ledger: NormLedger, _ decision: StepDecision, rate: Double, on world: borrowing Communicator
  ) throws {
    optimizer.beginStep()
    let trust = try trustRatios(ledger, decision, on: world)
    let shrink = experiment.regularization.decoupledL2 * rate
    followUpdate()
    if shrink > 0 && savedWeights == nil { savedWeights = FlatVector(zeros: model.layout) }
    for (part, isOwned) in updatedParts {
      let (tensor, range) = (part.tensor, part.range)
      if shrink > 0 {
        savedWeights!.copy(from: weights, in: range)
        weights.scale(by: 1 - shrink, in: range)
      }
      var norms = optimizer.update(
        &weights, gradient: gradient, in: range, rate: rate,
        factor: decision.factor(ofTensor: tensor), trust: trust?[tensor] ?? 1)
      guard isOwned else { continue }
      if shrink > 0 {
        // The decay is part of the change.
        norms.squaredChange = weights.squaredDistance(to: savedWeights!, in: range)
        norms.squaredWeights = savedWeights!.squaredNorm(in: range)
      }
      note(norms, of: range)
    }
  }

  /// A ratio for each tensor, where the optimiser has one (LARS, LAMB); tensors of one dimension
  /// keep 1, as is usual. One from the norms of directions takes a small allreduce more, after
  /// which `gradient` holds those directions.
  private func trustRatios(
    _ ledger: NormLedger, _ decision: StepDecision, on world: borrowing Communicator
  ) throws -> [Double]? {
    let tensors = model.layout
    func ratios(_ ratio: (Int, Double) -> Double) -> [Double] {
      tensors.segments.indices.map {
        tensors.segments[$0].shape.count > 1
          ? ratio($0, ledger[.weightSquares, $0].squareRoot()) : 1
      }
    }
    let rule = experiment.optimizer
    if rule.needs.contains(.gradientNorms) {
      return ratios {
        rule.trustRatio(weights: $1, norm: appliedNorm(ofTensor: $0, ledger, decision))
      }
    }
    guard rule.needs.contains(.directionNorms) else { return nil }
    var directions = NormLedger(layout, rank: world.rank)
    tracer?.follow(directions)
    for (part, isOwned) in updatedParts {
      let squares = optimizer.direct(
        &gradient, weights: weights, in: part.range, factor: decision.factor(ofTensor: part.tensor))
      if isOwned { directions.add(squares, to: .squares, of: part.tensor) }
      tracer?.entered(part.range, directions, in: .side)
    }
    try reduce(&directions, on: world, from: .side)
    return ratios { rule.trustRatio(weights: $1, norm: directions.norm(ofTensor: $0)) }
  }

  /// The norm of what is applied of a tensor's gradient.
  private func appliedNorm(ofTensor tensor: Int, _ ledger: NormLedger, _ decision: StepDecision)
    -> Double
  {
    if experiment.clip.needs.contains(.elements) {
      return ledger[.appliedSquares, tensor].squareRoot()
    }
    return decision.factor(ofTensor: tensor) * ledger.norm(ofTensor: tensor)
  }

  /// Compares all ranks' weights by a digest of 8 bytes each; names the ranks that differ from the
  /// majority. Collective.
  ///
  /// Ranks that have one copy between them cannot differ: then it is nodes that are compared.
  func compareReplicas(on world: borrowing Communicator) throws {
    let digest = [weights.fingerprint()]
    let digests: [UInt64] = try world.allGather(digest.span)
    guard let difference = ReplicaDifference(digests) else { return }
    try world.succeedOnAllRanks { () throws -> Void in
      throw RunFailure(.workerFailed, "step \(stepsDone): \(difference.text)")
    }
  }
}
