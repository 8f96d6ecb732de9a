import Configuration
import Data
import GradientNorms
import Optimizers

/// What every rank decides from a reduced ledger, alike: whether and how a step is clipped or
/// skipped, its learning rate, and when training ends.
struct TrainingPolicy {
  private var step: StepPolicy
  private var rates: RateController
  private var stop: EarlyStop
  /// The rate of DoG, where the optimiser is that.
  private var distance = DistanceOverGradients()
  private let followsDistance: Bool
  private let schedule: any Schedule
  private let baseRate: Double
  private let length: RunLength
  /// Batches that the rate grows with; nil where it does not.
  private let measured: CriticalBatches?

  /// `groups` says which tensors are clipped together; nil for all.
  init(
    _ settings: TrainerSettings, tensorSizes: [Int], _ groups: ClipGroups?, _ length: RunLength
  ) {
    step = StepPolicy(
      rule: settings.clip, scope: settings.clipScope, of: settings.clipTarget,
      skip: settings.guardConfig.skip, tensorSizes: tensorSizes, groups: groups)
    rates = RateController(settings.rateRule)
    stop = EarlyStop(settings.stop)
    followsDistance = settings.optimizer.needs.contains(.startDistance)
    (schedule, baseRate, self.length) = (settings.schedule, settings.rate, length)
    measured = settings.batchGrowth?.measured
  }

  /// Whether the clip is decided before the gradients are summed: scope `bound`.
  var decidesEarly: Bool { step.scope == .bound }
  /// Why training is to end before its length; nil while it goes on.
  var stopReason: String? { stop.reason }
  /// Whether too many steps in a row were skipped.
  var mustStop: Bool { step.mustStop }

  /// Decides from the local norms alone.
  func decideEarly(_ ledger: NormLedger) -> StepDecision { step.decideEarly(ledger) }

  /// Decides; in scope `bound` the clip is that of the `early` decision. A `fault` that was found
  /// skips the step.
  mutating func decide(
    _ ledger: NormLedger, early: StepDecision?, fault: SkipReason?
  ) -> StepDecision {
    step.decide(ledger, early: early, fault: fault)
  }

  /// What elements of each tensor are limited to, from the largest magnitudes.
  func limits(ofLargest largest: [Double]) -> [Double] { step.limits(ofLargest: largest) }

  /// Decides how a step's update is clipped, from its squares by tensor.
  mutating func decideOnUpdate(_ updates: NormLedger) -> ClippedUpdate {
    step.decideOnUpdate(updates)
  }

  /// Takes in a step that is not skipped, and returns its learning rate: the schedule's, times what
  /// the rate rule and DoG make of the step's ledger. The noise scale has taken the step in already.
  mutating func record(_ taken: StepInProgress, _ decision: StepDecision, _ noise: NoiseScale)
    -> Double
  {
    let ledger = taken.ledger
    stop.record(ledger, decision)
    var rate =
      scheduledRate(at: taken.batches.slice, step: taken.number) * rates.factor(ledger, noise)
    if followsDistance {
      let applied = decision.applied ?? 0
      rate *= distance.rate(ledger, appliedSquares: applied * applied)
    }
    return rate
  }

  /// The rate that a skipped step records: the schedule's, with the factors of the last step that
  /// was taken. Nothing is remembered.
  func rateInForce(_ skipped: StepInProgress) -> Double {
    var rate =
      scheduledRate(at: skipped.batches.slice, step: skipped.number) * rates.inForce
    if followsDistance { rate *= distance.inForce }
    return rate
  }

  private func scheduledRate(at slice: GlobalBatches.BatchRange, step number: Int) -> Double {
    let rate = schedule.rate(
      at: length.position(of: slice, step: number), of: length.totalSteps, base: baseRate)
    guard let measured else { return rate }
    return rate * measured.rateFactor(after: length.samples(before: slice))
  }

  /// How far the clip of an inexact scope was from the exact one, where it was measured.
  func bias(_ ledger: NormLedger, _ decision: StepDecision) -> ClipBias? {
    guard let limit = step.rule.limit, let norm = decision.norm, let applied = decision.applied,
      norm > 0
    else { return nil }
    let exact = clipCoefficient(norm: norm, limit: limit) * norm
    switch step.scope {
    case .meanGradient: return nil
    case .bound: return ClipBias(relative: abs(applied - exact) / exact, cosine: 1)
    case .worker, .sample:
      let cosine = applied > 0 ? ledger[.exactProduct] / (norm * applied) : 0
      let squared = max(0, applied * applied - 2 * applied * exact * cosine + exact * exact)
      return ClipBias(relative: squared.squareRoot() / exact, cosine: cosine)
    }
  }

  /// What the rules remember, for a checkpoint.
  func save(to memory: inout Trainer.Memory) {
    memory.policy = step.memory
    memory.rates = rates.state
    memory.stop = stop.state
    memory.distance = distance
  }

  mutating func restore(_ memory: Trainer.Memory) {
    step.memory = memory.policy
    rates.state = memory.rates
    stop.state = memory.stop
    distance = memory.distance
  }
}
