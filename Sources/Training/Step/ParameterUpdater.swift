import Configuration
import GradientNorms
import GradientReduction
import MPI
import Optimizers
import Vectors

/// Applies a decision to the weights that this rank updates.
final class ParameterUpdater {
  /// This rank's part of the optimiser's state.
  var optimizer: Optimizer
  let parameters: Parameters
  let partition: ParameterPartition
  let statistics: StepStatistics
  private let clip: any ClipRule
  /// λ of w ← (1 − rate·λ)·w outside the optimiser's step; 0 for none.
  let decay: Double
  /// The weights before the decay, of which the change is measured.
  private(set) var undecayed: FlatVector?
  /// Where the update is clipped instead of the gradient.
  private let updateClip: UpdateClip?
  /// How each tensor is updated; nil where all are updated alike.
  let treatments: TensorTreatments?
  /// The matrices that the optimiser updates as a whole.
  private let matrices: MatrixDirections
  /// How many of the optimiser's steps passed each tensor over, frozen; nil where none ever did.
  private(set) var idleSteps: [Int]?
  /// How many steps the clip rule had the moments forget.
  private var forgottenSteps = 0
  /// Of the weights, where one is asked for.
  let average: WeightAverage?

  /// A tensor is updated by the `treatments` that it has; nil for one rule and rate for all.
  /// `matrices` are updated as a whole.
  init(
    _ settings: TrainerSettings, _ parameters: Parameters, _ partition: ParameterPartition,
    _ treatments: TensorTreatments?, _ matrices: MatrixDirections, _ statistics: StepStatistics
  ) {
    self.treatments = treatments
    self.matrices = matrices
    optimizer = Optimizer(rule: settings.optimizer, owning: partition.updated)
    clip = settings.clip
    decay = settings.regularization.decoupledL2
    updateClip =
      settings.clipTarget == .update && !(settings.clip is NoClip)
      ? UpdateClip(owning: partition.updated) : nil
    average = settings.evaluation.average.map {
      WeightAverage(decay: $0, owning: partition.updated)
    }
    (self.parameters, self.partition, self.statistics) = (parameters, partition, statistics)
    if decay > 0 { undecayed = FlatVector(zeros: parameters.weights.layout) }
  }

  /// What the clip rule multiplies the rate of the optimiser's next step by.
  var rateFactor: Double { clip.restart(inStep: optimizer.stepCount + 1).rate }

  /// Updates part by part, and enters the norms of the shard's changes in the next ledger.
  /// Collective where the optimiser needs norms of directions, or directions of whole matrices, and
  /// where the update is clipped: then `clipping` decides from its squares by tensor, and what it
  /// decided is returned.
  func apply(
    _ decision: StepDecision, _ gradient: inout FlatVector, _ ledger: NormLedger, rate: Double,
    on world: borrowing Communicator, clipping: (NormLedger) -> ClippedUpdate
  ) throws -> ClippedUpdate? {
    optimizer.beginStep()
    let restart = clip.restart(inStep: optimizer.stepCount)
    if restart.resets { optimizer.resetMoments() }
    forgottenSteps = restart.forgottenSteps
    countIdleSteps()
    let trust = try trustRatios(&gradient, ledger, decision, on: world)
    try matrices.direct(&optimizer, &gradient, parameters, decision, on: world)
    var clipped: ClippedUpdate?
    if let updateClip {
      clipped = try applyClipped(
        decision, gradient, trust, rate: rate, updateClip, on: world, clipping)
    } else {
      statistics.beginUpdate()
      for (part, isInShard) in partition.updateParts {
        let norms = update(part, gradient, decision, trust, rate: rate, measures: isInShard)
        if isInShard { statistics.add(norms, of: part.range) }
      }
    }
    average?.add(parameters.weights)
    for observer in statistics.observers.all { observer.updated(parameters.weights) }
    return clipped
  }

  /// Updates one part of a tensor, and returns the norms of its change where it `measures` them.
  /// `optimized` is called with those of the optimiser's own change, and the tensor's rate.
  func update(
    _ part: TensorLayout.Part, _ gradient: borrowing FlatVector, _ decision: StepDecision,
    _ trust: [Double]?, rate: Double, measures: Bool,
    optimized: (UpdateNorms, _ rate: Double) -> Void = { _, _ in }
  ) -> UpdateNorms {
    let (tensor, range) = (part.tensor, part.range)
    let treatment = treatments?[tensor]
    if let treatment, treatment.isFrozen {
      return measures
        ? UpdateNorms(squaredWeights: parameters.weights.squaredNorm(in: range)) : UpdateNorms()
    }
    let rate = rate * (treatment?.rate ?? 1)
    let shrink = decay * rate
    if shrink > 0 {
      undecayed!.copy(from: parameters.weights, in: range)
      parameters.weights.scale(by: 1 - shrink, in: range)
    }
    updateClip?.keep(parameters.weights, in: range)
    var norms = parameters.withWeights { weights in
      optimizer.update(
        &weights, gradient: gradient, in: range, rate: rate,
        factor: decision.factor(ofTensor: tensor), trust: trust?[tensor] ?? 1,
        by: treatment?.rule, without: uncountedSteps(ofTensor: tensor))
    }
    optimized(norms, rate)
    if measures && shrink > 0 {
      // The decay is part of the change.
      norms.squaredChange = parameters.weights.squaredDistance(to: undecayed!, in: range)
      norms.squaredWeights = undecayed!.squaredNorm(in: range)
    }
    return norms
  }

  /// Σ(w − w₀)² over a part of the update range.
  func squaredDistanceFromStart(in range: Range<Int>) -> Double {
    optimizer.squaredDistanceFromStart(of: parameters.weights, in: range)
  }

  /// This rank's part of one of the optimiser's moments.
  func moment(_ index: Int) -> [Float] { optimizer.elements(ofMoment: index) }

  /// The run starts from the weights as they are.
  func start() { optimizer.remember(start: parameters.weights) }

  /// Goes on where a checkpoint was written; the moments are restored by themselves.
  func restore(stepCount: Int, idleSteps: [Int]?) {
    optimizer.restore(stepCount: stepCount)
    self.idleSteps = idleSteps
  }

  /// The optimiser's steps that the correction of a tensor's bias leaves out.
  private func uncountedSteps(ofTensor tensor: Int) -> Int {
    let idle = idleSteps?[tensor] ?? 0
    return max(idle, min(idle + forgottenSteps, optimizer.stepCount - 1))
  }

  private func countIdleSteps() {
    guard let treatments, !treatments.frozen.isEmpty else { return }
    if idleSteps == nil { idleSteps = [Int](repeating: 0, count: treatments.count) }
    for tensor in treatments.frozen { idleSteps![tensor] += 1 }
  }

  /// Runs `body` with the weights that evaluation uses in the place of those of training, on every
  /// rank. Collective; where the optimiser has no others, nothing is done.
  func withEvaluationWeights<Result>(
    on world: borrowing Communicator, _ body: () throws -> Result
  ) throws -> Result {
    guard optimizer.rule.needs.contains(.evaluationWeights) else { return try body() }
    return try withWeights(on: world, body) { weights, trained in
      optimizer.replaceByEvaluationWeights(&weights)
      for (part, _) in partition.updateParts where treatments?[part.tensor].isFrozen == true {
        weights.copy(from: trained, in: part.range)
      }
    }
  }

  /// The same with the running mean of the weights; nil where there is none. Collective.
  func withAverage<Result>(
    on world: borrowing Communicator, _ body: () throws -> Result
  ) throws -> Result? {
    guard let average else { return nil }
    return try withWeights(on: world, body) { weights, _ in average.replace(&weights) }
  }

  /// Runs `body` with other weights, of which `replace` writes this rank's part. Collective.
  private func withWeights<Result>(
    on world: borrowing Communicator, _ body: () throws -> Result,
    replace: (inout FlatVector, borrowing FlatVector) -> Void
  ) throws -> Result {
    let trained = FlatVector(copying: parameters.weights)
    // Ranks may have one copy of the weights: none reads them any more when they are written.
    try world.barrier()
    replace(&parameters.weights, trained)
    try parameters.allGather(on: world)
    let result = try body()
    try world.barrier()
    parameters.restore(from: trained)
    try parameters.allGather(on: world)
    return result
  }

  /// A ratio for each tensor, where the optimiser has one (LARS, LAMB); tensors of one dimension
  /// keep 1, as is usual. One from the norms of directions takes a small allreduce more, after
  /// which `gradient` holds those directions.
  private func trustRatios(
    _ gradient: inout FlatVector, _ ledger: NormLedger, _ decision: StepDecision,
    on world: borrowing Communicator
  ) throws -> [Double]? {
    let segments = parameters.weights.layout.segments
    func ratios(_ ofTensor: (Int, Double) -> Double) -> [Double] {
      segments.indices.map {
        segments[$0].shape.count > 1 ? ofTensor($0, ledger[.weightSquares, $0].squareRoot()) : 1
      }
    }
    let rule = optimizer.rule
    func ratio(_ tensor: Int, weights: Double, norm: Double) -> Double {
      (treatments?[tensor].rule ?? rule).trustRatio(weights: weights, norm: norm)
    }
    if rule.needs.contains(.gradientNorms) {
      return ratios {
        ratio($0, weights: $1, norm: appliedNorm(ofTensor: $0, ledger, decision))
      }
    }
    guard rule.needs.contains(.directionNorms) else { return nil }
    var directions = statistics.sideLedger(rank: world.rank)
    for (part, isInShard) in partition.updateParts {
      let (tensor, treatment) = (part.tensor, treatments?[part.tensor])
      if treatment?.isFrozen != true {
        let squares = optimizer.direct(
          &gradient, weights: parameters.weights, in: part.range,
          factor: decision.factor(ofTensor: tensor), by: treatment?.rule,
          without: uncountedSteps(ofTensor: tensor))
        if isInShard { directions.add(squares, to: .squares, of: tensor) }
      }
      statistics.observers.entered(part.range, directions, in: .side)
    }
    try statistics.reduce(&directions, .side, on: world)
    return ratios { ratio($0, weights: $1, norm: directions.norm(ofTensor: $0)) }
  }

  /// The norm of what is applied of a tensor's gradient.
  private func appliedNorm(ofTensor tensor: Int, _ ledger: NormLedger, _ decision: StepDecision)
    -> Double
  {
    let norm =
      clip.needs.contains(.elements)
      ? ledger[.appliedSquares, tensor].squareRoot() : ledger.norm(ofTensor: tensor)
    return decision.factor(ofTensor: tensor) * norm
  }
}
