import Configuration
import Data

/// How long a run is, and how far a step brings it.
struct RunLength: Sendable {
  private let length: Experiment.TrainingChoice.Length
  /// The batches of the size that the run starts with.
  private let batches: GlobalBatches
  /// Whether samples count, not steps: with a batch that was measured, and in epochs with any that
  /// grows.
  private let countsSamples: Bool
  /// The samples after which training ends before its length; nil for none.
  private var lastSample: Int?

  init(_ settings: TrainerSettings, sampleCount: Int) {
    length = settings.training.length
    batches = GlobalBatches(sampleCount: sampleCount, globalBatch: settings.training.globalBatch)
    let isInEpochs = if case .epochs = length { true } else { false }
    countsSamples = settings.batchGrowth.map { $0.measured != nil || isInEpochs } ?? false
    lastSample = settings.end.map { batches.samples(inFirst: $0.step(of: totalSteps)) }
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
    if let lastSample, cursor.samples >= lastSample { return true }
    switch length {
    case .steps(let all):
      return countsSamples
        ? cursor.samples >= batches.samples(inFirst: all) : steps >= all
    case .epochs(let epochs): return cursor.epoch >= epochs
    }
  }

  /// The samples that the steps before the one on `slice` have trained on, repeats counted.
  func samples(before slice: GlobalBatches.BatchRange) -> Int {
    slice.epoch * batches.sampleCount + slice.positions.lowerBound
  }

  /// How far step `number`, on `slice`, brings the run, as a step from 1 to ``totalSteps``, in what
  /// the run's length is given in.
  ///
  /// With a length in steps it is the step. Where samples count, a step is as many steps of the
  /// first batch size as it has samples, and the last of an epoch, however many those are,
  /// completes it. So the last step of a run, and no other, is at `totalSteps`, and a batch that
  /// never grew leaves every rate as it is without growth.
  func position(of slice: GlobalBatches.BatchRange, step number: Int) -> Double {
    guard countsSamples else { return Double(number) }
    let end = slice.positions.upperBound
    let within =
      end == batches.sampleCount
      ? Double(batches.stepsPerEpoch) : Double(end) / Double(batches.globalBatch)
    return Double(slice.epoch * batches.stepsPerEpoch) + within
  }
}
