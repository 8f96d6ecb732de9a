import Configuration
import Data
import FlightRecorder
import GradientNorms
import GradientReduction
import MPI
import Recording
import Reports
import Vectors

// What lies before and after the stages of a step.
extension Trainer {
  /// Draws the batch. The time until here is the ledgers'.
  func beginStep(on world: borrowing Communicator) -> StepInProgress {
    let number = stepsDone + 1
    FlightRecorder.begin(step: number)
    FlightRecorder.enter(.compute)
    var clock = PhaseClock(observers)
    let ledger = statistics.beginStep(rank: world.rank)
    clock.mark(.norm)
    let batches = sampler.next(rank: world.rank, ranks: world.size)
    for observer in observers.all {
      observer.stepBegan(firstMicroBatch: batches.firstMicroBatch)
    }
    return StepInProgress(number: number, batches: batches, ledger: ledger, clock: clock)
  }

  /// Scope `bound` decides from the local norms, before the gradients are summed; nil otherwise.
  func decideEarly(_ ledger: NormLedger, on world: borrowing Communicator) throws -> StepDecision? {
    guard policy.decidesEarly else { return nil }
    var bound = ledger
    try statistics.reduce(&bound, on: world)
    return policy.decideEarly(bound)
  }

  /// Counts the step, and does what is to be done between two.
  func endStep(_ step: StepInProgress, on world: borrowing Communicator) throws {
    statistics.endStep(step.ledger)
    for observer in observers.all {
      observer.updated(&updater.optimizer, in: stepsDone)
      observer.stepping(&parameters.weights, after: stepsDone)
    }
    for observer in observers.all { try observer.stepEnded(stepsDone) }
    sampler.grow(statistics.noise)
    if let every = settings.guardConfig.compareEvery, stepsDone % every == 0 {
      try compareReplicas(on: world)
    }
  }

  func outcome(
    of step: StepInProgress, _ decision: StepDecision, rate: Double,
    local: (loss: Double, norm: Double), samples: SampleNorms?, incident: Incident?
  ) -> StepOutcome {
    let (batches, cursor) = (step.batches, sampler.cursor)
    return StepOutcome(
      step: stepsDone, epoch: epoch,
      samples: cursor.samples, learningRate: rate, ledger: step.ledger, decision: decision,
      noise: statistics.noise,
      layerNoise: settings.report.includes(step: stepsDone) ? statistics.layerNoise : nil,
      shares: batches.positions, epochIndex: batches.slice.epoch,
      share: batches.mine.count, local: local, sampleNorms: samples,
      incident: incident,
      bias: policy.bias(step.ledger, decision),
      seconds: step.clock.seconds, totalSeconds: step.clock.total)
  }

  /// Compares all ranks' weights by a digest of 8 bytes each; names the ranks that differ from the
  /// majority. Collective.
  ///
  /// Ranks that have one copy between them cannot differ: then it is nodes that are compared.
  private func compareReplicas(on world: borrowing Communicator) throws {
    try parameters.finishAllGather()
    let digest = [parameters.weights.fingerprint()]
    let digests: [UInt64] = try world.allGather(digest.span)
    guard let difference = ReplicaDifference(digests) else { return }
    try world.succeedOnAllRanks { () throws -> Void in
      throw RunFailure(.workerFailed, "step \(stepsDone): \(difference.text)")
    }
  }
}
