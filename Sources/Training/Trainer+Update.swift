import Coordination
import GradientNorms
import MPI
import Models
import Optimizers
import Reports
import Vectors

extension Trainer {
  /// Applies the decision to the weights this rank updates, part by part.
  func update(_ ledger: NormLedger, _ decision: StepDecision, rate: Double, on world: borrowing Communicator) throws {
    optimizer.beginStep()
    let trust = try trustRatios(ledger, decision, on: world)
    let shrink = experiment.regularization.decoupledL2 * rate
    followUpdate()
    for (part, isOwned) in updatedParts {
      let tensor = part.tensor
      if shrink > 0 { weights.scale(by: 1 - shrink, in: part.range) }
      let norms = optimizer.update(
        &weights, gradient: gradient, in: part.range, rate: rate, factor: decision.factor(ofTensor: tensor), trust: trust?[tensor] ?? 1)
      if isOwned { note(norms, of: part.range) }
    }
  }

  /// LARS's and LAMB's ratio for each tensor; tensors of one dimension keep 1, as is usual. LAMB's needs the norms of Adam's directions: one small
  /// allreduce more, after which `gradient` holds those directions.
  private func trustRatios(_ ledger: NormLedger, _ decision: StepDecision, on world: borrowing Communicator) throws -> [Double]? {
    let tensors = model.layout
    func ratios(_ ratio: (Int, Double) -> Double) -> [Double] {
      tensors.segments.indices.map { tensors.segments[$0].shape.count > 1 ? ratio($0, ledger[.weightSquares, $0].squareRoot()) : 1 }
    }
    switch experiment.optimizer {
    case .lars(_, let coefficient, let decay):
      return ratios { tensor, weights in
        TrustRatio.lars(
          weights: weights, gradient: decision.factor(ofTensor: tensor) * ledger.norm(ofTensor: tensor), decay: decay,
          coefficient: coefficient)
      }
    case .lamb:
      var directions = NormLedger(layout, rank: world.rank)
      tracer?.follow(directions)
      for (part, isOwned) in updatedParts {
        let squares = optimizer.direct(&gradient, weights: weights, in: part.range, factor: decision.factor(ofTensor: part.tensor))
        if isOwned { directions.add(squares, to: .squares, of: part.tensor) }
        tracer?.entered(part.range, directions, in: .side)
      }
      let reduced = try reduce(directions, on: world, from: .side)
      return ratios { TrustRatio.lamb(weights: $1, direction: reduced.norm(ofTensor: $0)) }
    default: return nil
    }
  }

  /// Compares all ranks' weights by a digest of 8 bytes each; names the ranks that differ from the majority. Collective.
  func compareReplicas(on world: borrowing Communicator) throws {
    let digest = [weights.fingerprint()]
    let digests: [UInt64] = try world.allGather(digest.span)
    guard let odd = Self.minority(digests) else { return }
    try world.agree { () throws -> Void in
      let names = odd.map(String.init).joined(separator: ", ")
      throw RunFailure(
        .workerFailed,
        odd.count * 2 == digests.count
          ? "step \(stepsDone): ranks \(names) hold other weights than the other half of the ranks; restart from a checkpoint"
          : "step \(stepsDone): rank \(names) holds other weights than the majority of \(digests.count) ranks; restart from a checkpoint, and look at that machine"
      )
    }
  }

  /// The ranks whose digest is not the commonest one (among equally common, the one of the lowest rank); nil where all agree.
  static func minority(_ digests: [UInt64]) -> [Int]? {
    var counts: [UInt64: Int] = [:]
    for digest in digests { counts[digest, default: 0] += 1 }
    if counts.count <= 1 { return nil }
    let most = counts.values.max()!
    let common = digests.first { counts[$0] == most }!
    return digests.indices.filter { digests[$0] != common }
  }
}
