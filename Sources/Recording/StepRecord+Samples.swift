extension StepRecord {
  /// The norms of single samples' gradients in a step.
  public struct Samples: Sendable, Equatable, Decodable {
    /// Mean and root mean square, exact.
    public var mean: Double?
    public var rms: Double?
    /// Norms that 5, 50, 95 and 99 of 100 samples do not exceed, to a bin's width of 9 %.
    public var q05: Double?
    public var median: Double?
    public var q95: Double?
    public var q99: Double?
    /// The samples with the largest norms, from the largest on.
    public var largest: [Sample]

    public init(
      mean: Double?, rms: Double?, q05: Double?, median: Double?, q95: Double?, q99: Double?,
      largest: [Sample]
    ) {
      (self.mean, self.rms, self.q05, self.median) = (mean, rms, q05, median)
      (self.q95, self.q99, self.largest) = (q95, q99, largest)
    }
  }

  /// One sample, by its index in the training data, the norm of its gradient, nil where that is not
  /// finite, and the rank that had it.
  public struct Sample: Sendable, Equatable, Decodable {
    public var sample: Int
    public var norm: Double?
    public var rank: Int

    public init(sample: Int, norm: Double?, rank: Int) {
      (self.sample, self.norm, self.rank) = (sample, norm, rank)
    }
  }
}

extension StepRecord.Samples: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("mean", mean)
      $0.field("rms", rms)
      $0.field("q05", q05)
      $0.field("median", median)
      $0.field("q95", q95)
      $0.field("q99", q99)
      $0.field("largest", largest)
    }
  }
}

extension StepRecord.Sample: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("sample", sample)
      $0.field("norm", norm)
      $0.field("rank", rank)
    }
  }
}
