import ExperimentKeys

extension Experiment {
  /// How a batch grows while a run trains: a function of reduced values, or of the samples trained
  /// on, so that all ranks take the same batch.
  public enum BatchGrowth: Sendable, Equatable {
    /// Doubles with the noise scale, up to a size.
    case noiseScale(largest: Int)
    /// Follows what was measured, and the learning rate with it.
    case critical(CriticalBatches)

    /// Growth with the noise scale up to `largest` samples a step.
    public init(largest: Int) { self = .noiseScale(largest: largest) }

    /// The most samples of a step.
    public var largest: Int {
      switch self {
      case .noiseScale(let largest): largest
      case .critical(let batches): batches.largest
      }
    }

    /// The measured batches; nil where the noise scale decides.
    package var measured: CriticalBatches? {
      if case .critical(let batches) = self { batches } else { nil }
    }

    /// The batch doubles where the noise scale is at least twice its size: there noise still
    /// outweighs the gradient by two to one.
    package static func next(_ batch: Int, noiseScale: Double, largest: Int) -> Int {
      noiseScale >= 2 * Double(batch) ? max(batch, min(2 * batch, largest)) : batch
    }
  }
}

extension Experiment.BatchGrowth {
  private enum Choice: String, CaseIterable {
    case constant
    case noiseScale = "noise-scale"
    case critical
  }

  /// Reads `schedule.batch` and the keys of what it names; nil where the batch stays.
  static func read(
    _ keys: inout ExperimentReader, globalBatch: Int, ratePower: Double, followsBatch: Bool
  ) throws(ExperimentError) -> Self? {
    let choice: Choice = try keys.choice(
      "batch", default: .constant,
      "noise-scale: the batch doubles while noise outweighs the gradient; critical: it is the critical batch that `lockstep critical-batch` measured, and the learning rate grows with it"
    )
    let largest = try keys.only(if: "batch", is: Choice.noiseScale.rawValue) {
      (keys) throws(ExperimentError) in
      try keys.integer(
        "max_batch", default: min(16 * globalBatch, 1 << 30), in: globalBatch...(1 << 30),
        "the largest batch; by default sixteen times the global batch")
    }
    let measured = try keys.only(if: "batch", is: Choice.critical.rawValue) {
      (keys) throws(ExperimentError) in
      try CriticalBatches(&keys, globalBatch: globalBatch, ratePower: ratePower)
    }
    if choice == .critical && followsBatch {
      throw keys.error(
        "batch",
        "\"critical\" raises the learning rate with the batch, and so does schedule.kind = \"adascale\": use one of them"
      )
    }
    return largest.map { .noiseScale(largest: $0) } ?? measured.map { .critical($0) }
  }
}
