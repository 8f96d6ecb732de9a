import Configuration
import Data

/// How long a run is, and how far a step brings it.
struct RunLength: Sendable {
  private let length: Experiment.TrainingChoice.Length
  /// The batches of the size that the run starts with.
  private let batches: GlobalBatches
  /// Whether batches may grow.
  private let grows: Bool

  init(_ settings: TrainerSettings, sampleCount: Int) {
    length = settings.training.length
    batches = GlobalBatches(sampleCount: sampleCount, globalBatch: settings.training.globalBatch)
    grows = settings.batchGrowth != nil
  }

  /// Steps from the start of training to its end, at the batch size it starts with.
  var totalSteps: Int {
    switch length {
    case .epochs(let epochs): epochs * batches.stepsPerEpoch
    case .steps(let steps): steps
    }
  }

  /// Whether a run that has taken some steps, and goes on at a cursor, is over.
  func isReached(after steps: Int, at cursor: SampleCursor) -> Bool {
    switch length {
    case .steps(let all): steps >= all
    case .epochs(let epochs): cursor.epoch >= epochs
    }
  }

  /// How far step `number`, on `slice`, brings the run, as a step from 1 to ``totalSteps``, in what
  /// the run's length is given in.
  ///
  /// With a length in steps it is the step. With one in epochs samples count: a step is as many
  /// steps of the first batch size as it has samples, and the last of an epoch, however many those
  /// are, completes it. So the last step of a run, and no other, is at `totalSteps`, and a batch
  /// that never grew leaves every rate as it is without growth.
  func position(of slice: GlobalBatches.BatchRange, step number: Int) -> Double {
    guard grows, case .epochs = length else { return Double(number) }
    let end = slice.positions.upperBound
    let within =
      end == batches.sampleCount
      ? Double(batches.stepsPerEpoch) : Double(end) / Double(batches.globalBatch)
    return Double(slice.epoch * batches.stepsPerEpoch) + within
  }
}
