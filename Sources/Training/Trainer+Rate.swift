import Configuration
import Data
import GradientNorms
import Optimizers

extension Trainer {
  /// The learning rate of a step that is taken: the schedule's, times what the rate rule and DoG
  /// make of the step's ledger, which they remember.
  func learningRate(
    _ ledger: NormLedger, _ decision: StepDecision, at slice: GlobalBatches.BatchRange
  ) -> Double {
    var rate = scheduledRate(at: slice) * rates.factor(ledger, memory.noise)
    if experiment.optimizer.needs.contains(.startDistance) {
      let applied = decision.applied ?? 0
      rate *= memory.distance.rate(ledger, appliedSquares: applied * applied)
    }
    return rate
  }

  /// The rate that a skipped step records: the schedule's, with the factors of the last step that
  /// was taken. Nothing is remembered.
  func rateInForce(at slice: GlobalBatches.BatchRange) -> Double {
    var rate = scheduledRate(at: slice) * rates.inForce
    if experiment.optimizer.needs.contains(.startDistance) { rate *= memory.distance.inForce }
    return rate
  }

  private func scheduledRate(at slice: GlobalBatches.BatchRange) -> Double {
    experiment.schedule.rate(
      at: schedulePosition(of: slice), of: totalSteps, base: experiment.learningRate)
  }

  /// How far the step on `slice` brings the run, as a step from 1 to ``totalSteps``, in what the
  /// run's length is given in.
  ///
  /// With a length in steps it is the step. With one in epochs samples count: a step is as many
  /// steps of the first batch size as it has samples, and the last of an epoch, however many those
  /// are, completes it. So the last step of a run, and no other, is at `totalSteps`, and a batch
  /// that never grew leaves every rate as it is without growth.
  private func schedulePosition(of slice: GlobalBatches.BatchRange) -> Double {
    guard experiment.batchGrowth != nil, case .epochs = experiment.training.length else {
      return Double(stepsDone + 1)
    }
    let batches = GlobalBatches(
      sampleCount: data.train.count, globalBatch: experiment.training.globalBatch)
    let end = slice.positions.upperBound
    let within =
      end == data.train.count
      ? Double(batches.stepsPerEpoch) : Double(end) / Double(batches.globalBatch)
    return Double(slice.epoch * batches.stepsPerEpoch) + within
  }
}
