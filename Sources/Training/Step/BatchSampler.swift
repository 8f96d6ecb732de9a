import Configuration
import Data
import ExperimentKeys
import GradientNorms
import Models
import Vectors

/// Draws each step's global batch, says which rank has which part of it, and reads micro-batches.
final class BatchSampler {
  let data: TrainingData
  /// The training set as steps see it: images are changed at random, as its epoch and the seed say.
  /// Evaluations and starting weights read `data`.
  private let drawn: any Dataset
  /// The training rows that are held out for evaluations, ascending; none: all are trained on.
  let heldOut: [UInt32]
  /// The rows trained on, where those are not all.
  private let rows: [UInt32]?
  /// Samples of an epoch.
  let sampleCount: Int
  let length: RunLength
  private(set) var cursor = SampleCursor()
  /// Samples a step, which may grow.
  private(set) var globalBatch: Int
  private let growth: Experiment.BatchGrowth?
  private let partition: Partition
  /// The most samples of a micro-batch.
  let capacity: Int
  /// How each rank's samples are cut into micro-batches.
  private let microBatches: MicroBatchCut
  /// What the user is to know of how batches are divided.
  let note: String?
  /// The most micro-batches of each rank in a step.
  let largestMicroBatches: [Range<Int>]
  private let order: SampleOrder
  private let seed: UInt64
  /// The sample order of the epoch it was made for.
  private var indices: (epoch: Int, values: [UInt32]) = (-1, [])
  /// Reads the next micro-batch meanwhile, where the data may keep one waiting.
  private let prefetcher: Prefetcher?

  /// A model with batch normalization, whose running `statistics` these are, is always divided by
  /// whole micro-batches.
  init(
    _ data: TrainingData, _ settings: TrainerSettings, _ statistics: RunningStatistics?, ranks: Int
  ) throws {
    let training = settings.training
    if let shares = training.shares, shares.count != ranks {
      throw ExperimentError(
        "training.shares has \(shares.count) entries for \(ranks) ranks: give one a rank")
    }
    try settings.augmentation.check(data.train.shape)
    let drawn = settings.augmentation.applied(to: data.train, seed: UInt64(settings.seed))
    self.drawn = drawn
    (rows, heldOut) = try Self.split(data.train.count, settings)
    sampleCount = rows?.count ?? data.train.count
    let largest = min(
      max(training.globalBatch, settings.batchGrowth?.largest ?? 0), sampleCount)
    let isByMicroBatch = training.reproducible || statistics != nil
    let least = statistics?.leastSamples ?? 1
    guard min(training.microBatch, largest) >= least else {
      throw ExperimentError(
        "\(training.microBatch < least ? "training.micro_batch" : "training.global_batch"): a batch-norm of single values needs micro-batches of at least \(least) samples: give more, or take another normalization"
      )
    }
    let partition =
      (isByMicroBatch ? .byMicroBatch(size: training.microBatch, least: least) : Partition.bySample)
      .inProportion(training.shares)
    let shares = (0..<ranks).map { partition.share(of: largest, rank: $0, ranks: ranks) }
    // Divided by whole micro-batches, these have the same capacity at any rank count.
    microBatches = MicroBatchCut(
      size: max(
        1, min(training.microBatch, isByMicroBatch ? largest : shares.map(\.count).max()!)),
      least: least)
    capacity = microBatches.size + least - 1
    largestMicroBatches = microBatches.numbers(of: shares)
    let idle = shares.count(where: \.isEmpty)
    note =
      isByMicroBatch && idle > 0
      ? "training.micro_batch = \(training.microBatch): \(idle) of \(ranks) ranks have no micro-batch in a batch of \(largest) samples"
      : nil
    prefetcher = drawn.waitsForFiles ? Prefetcher(drawn, capacity: capacity) : nil
    (self.data, self.partition) = (data, partition)
    length = RunLength(settings, sampleCount: sampleCount)
    (globalBatch, growth) = (training.globalBatch, settings.batchGrowth)
    (order, seed) = (settings.order, UInt64(settings.orderSeed ?? settings.seed))
    followMeasured()
  }

  /// Which of so many training rows are trained on, nil for all, and which are held out.
  private static func split(_ count: Int, _ settings: TrainerSettings) throws -> (
    rows: [UInt32]?, heldOut: [UInt32]
  ) {
    let split = settings.evaluation.split
    guard split > 0 else { return (nil, []) }
    guard count > 1 else {
      throw ExperimentError(
        "evaluation.split: the one row of the training set cannot be held out; set it to 0")
    }
    let parts = TrainTestSplit.evaluation(
      of: count, fraction: split, seed: UInt64(settings.seed))
    return (parts.train, parts.test)
  }

  /// Draws the next step's batch.
  func next(rank: Int, ranks: Int) -> StepBatches {
    batches(of: cursor.next(globalBatch, of: sampleCount), rank: rank, ranks: ranks)
  }

  /// The part of a batch that a rank has.
  func batches(of slice: GlobalBatches.BatchRange, rank: Int, ranks: Int) -> StepBatches {
    StepBatches(slice, partition, microBatches, rank: rank, ranks: ranks)
  }

  /// Goes on where a checkpoint was written.
  func restore(_ cursor: SampleCursor, globalBatch: Int) {
    (self.cursor, self.globalBatch) = (cursor, globalBatch)
    followMeasured()
  }

  /// Takes the next step's batch: doubled where the noise scale says that a larger one still pays,
  /// or as it was measured.
  func grow(_ noise: NoiseScale) {
    followMeasured()
    // A few steps' noise scale may be anything, and a batch does not shrink again.
    guard case .noiseScale(let largest) = growth, noise.isSettled, let scale = noise.scale else {
      return
    }
    globalBatch = Experiment.BatchGrowth.next(globalBatch, noiseScale: scale, largest: largest)
  }

  private func followMeasured() {
    if let batches = growth?.measured { globalBatch = batches.batch(after: cursor.samples) }
  }

  /// Leaves the first samples of epoch 0's order in a batch of their own.
  func firstSamples(_ count: Int) throws -> Batch {
    let samples = order(ofEpoch: 0).prefix(count)
    var batch = Batch(capacity: samples.count, shape: data.train.shape)
    try data.train.fill(&batch, with: samples)
    return batch
  }

  /// Leaves one of this rank's micro-batches in `batch` and, where data are read ahead, begins to
  /// read the one that will be wanted next.
  ///
  /// `step` is the number of the step that `batches` belong to; `again` says that another pass over
  /// them follows.
  func fill(
    _ batch: inout Batch, _ index: Int, of batches: StepBatches, step: Int, again: Bool
  ) throws {
    let samples = samples(index, of: batches)
    guard let prefetcher else {
      return try drawn.fill(&batch, with: samples, epoch: batches.slice.epoch)
    }
    try prefetcher.take(samples, epoch: batches.slice.epoch, into: &batch)
    let isLast = index == batches.microBatches.count - 1
    if !isLast || (again && index > 0) {
      prefetcher.start(
        self.samples(isLast ? 0 : index + 1, of: batches), epoch: batches.slice.epoch)
    } else if !again, let next = expected(after: batches, step: step), !next.microBatches.isEmpty {
      prefetcher.start(self.samples(0, of: next), epoch: next.slice.epoch)
    }
  }

  /// The same of any rank's micro-batches, for once: nothing is read ahead.
  func read(_ batch: inout Batch, _ index: Int, of batches: StepBatches) throws {
    try drawn.fill(&batch, with: samples(index, of: batches), epoch: batches.slice.epoch)
  }

  /// The samples of a micro-batch, by their indices in the data.
  private func samples(_ index: Int, of batches: StepBatches) -> ArraySlice<UInt32> {
    let start = batches.slice.positions.lowerBound
    let samples = batches.microBatches[index]
    return order(ofEpoch: batches.slice.epoch)[
      start + samples.lowerBound..<start + samples.upperBound]
  }

  /// What the next step will draw if this one does not change the size of a batch; nil after the
  /// last.
  private func expected(after batches: StepBatches, step: Int) -> StepBatches? {
    if length.isReached(after: step, at: cursor) { return nil }
    var cursor = cursor
    return self.batches(
      of: cursor.next(globalBatch, of: sampleCount), rank: batches.rank,
      ranks: batches.positions.count)
  }

  /// The samples of an epoch in the order it visits them.
  private func order(ofEpoch epoch: Int) -> [UInt32] {
    if indices.epoch != epoch {
      var values = order.indices(count: sampleCount, seed: seed, epoch: epoch)
      if let rows { for place in values.indices { values[place] = rows[Int(values[place])] } }
      indices = (epoch, values)
    }
    return indices.values
  }
}
