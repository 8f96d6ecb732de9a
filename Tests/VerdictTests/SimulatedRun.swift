import Data
import GradientNorms
import Models
import Optimizers
import RankTesting
import Vectors

/// A simulated run: the steps of a trainer in this process, one rank after another.
struct SimulatedRun {
  var model: any Model
  var data: any Dataset
  var rule: any OptimizerRule = .sgd()
  var rate: Double
  var schedule: any Schedule = .constant
  /// The factor of a step's rate: schedules that the product does not have.
  var factor: (_ step: Int, _ steps: Int) -> Double = { _, _ in 1 }
  var steps: Int
  var ranks: Int
  /// Samples of a step over all ranks; nil for all the data in every step.
  var batch: Int?
  var clip: any ClipRule = .none
  var seed: UInt64 = 1
  /// Changes the starting weights.
  var prepare: (inout FlatVector) -> Void = { _ in }
  /// Steps in which rank 0's gradient is NaN.
  var poisoned: (Int) -> Bool = { _ in false }
  /// The run ends with the first step whose loss is below this.
  var endsBelow = -Double.infinity
  /// Whether the ledgers contain the norms of the updates.
  var hasUpdateNorms = true

  func verdict(stopped: Bool = false) -> ConvergenceVerdict { tracker().verdict(stopped: stopped) }

  func tracker() -> ConvergenceTracker {
    let layout = model.layout
    var weights = FlatVector(zeros: layout)
    model.initialize(&weights, seed: seed)
    prepare(&weights)
    var optimizer = Optimizer(rule: rule, owning: 0..<layout.elementCount)
    var policy = StepPolicy(
      rule: clip, skip: SkipPolicy(skipLimit: .max), tensorSizes: layout.segments.map(\.count))
    var tracker = ConvergenceTracker()
    let total = batch ?? data.count
    var minibatch = Batch(capacity: total / ranks + 1, shape: data.shape)
    var own = FlatVector(zeros: layout)
    var mean = FlatVector(zeros: layout)
    var update = UpdateNorms()
    for step in 1...steps {
      mean.setToZero()
      var ledgers: [NormLedger] = []
      let first = batch == nil ? 0 : (step - 1) * total
      for rank in 0..<ranks {
        let share = total * rank / ranks..<total * (rank + 1) / ranks
        let samples = share.map { UInt32((first + $0) % data.count) }
        try! data.fill(&minibatch, with: samples[...])
        let loss = model.lossAndGradient(
          minibatch, weights: weights, into: &own, scale: 1 / Float(total), accumulate: false,
          finished: { _, _ in })
        if rank == 0 && poisoned(step) { own.base[0] = .nan }
        var ledger = NormLedger(LedgerLayout(tensorCount: layout.segments.count), rank: rank)
        ledger.contribute(
          samples: share.count, of: total, loss: loss,
          weightedSquares: layout.segments.map { own.squaredNorm(in: $0.range) }, rank: rank)
        ledgers.append(ledger)
        mean.add(own)
      }
      for (tensor, segment) in layout.segments.enumerated() {
        ledgers[0][.squares, tensor] = mean.squaredNorm(in: segment.range)
      }
      if hasUpdateNorms {
        (ledgers[0][.squaredUpdate], ledgers[0][.squaredWeights]) = (
          update.squaredChange, update.squaredWeights
        )
      }
      let ledger = combined(ledgers)
      let decision = policy.decide(ledger)
      let rate = schedule.rate(at: Double(step), of: steps, base: rate) * factor(step, steps)
      tracker.record(ledger, decision, rate: rate)
      if ledger.meanLoss < endsBelow { break }
      update = UpdateNorms()
      if !decision.isSkip {
        optimizer.beginStep()
        for (tensor, segment) in layout.segments.enumerated() {
          update += optimizer.update(
            &weights, gradient: mean, in: segment.range, rate: rate,
            factor: decision.factor(ofTensor: tensor))
        }
      }
    }
    return tracker
  }
}

extension FlatVector {
  /// Fills every weight matrix as He et al. 2015 do for ReLU, with variance 2/inputs, and every
  /// bias with zero.
  mutating func fillForReLU(seed: UInt64) {
    for (index, segment) in layout.segments.enumerated() {
      var stream = RandomStream(seed, 77, UInt64(index))
      let deviation = segment.shape.count > 1 ? (2 / Double(segment.shape[1])).squareRoot() : 0
      for position in segment.range { base[position] = Float(deviation * stream.gaussian()) }
    }
  }
}
