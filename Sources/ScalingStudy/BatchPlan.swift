import Recording

/// What `lockstep critical-batch` is to measure: kept in its directory, so that it goes on with the
/// same plan or not at all.
public struct BatchPlan: Sendable, Equatable, Decodable, JSONWritable {
  /// The step after which runs branch; nil for half of the run.
  public var step: Int?
  /// Samples that a branch trains on; nil for a quarter of the run's.
  public var samples: Int?
  /// How many times the batch a branch has, ascending, the first 1.
  public var factors: [Int]
  /// Orders of samples that each batch is tried with.
  public var orders: Int
  public var ranks: Int
  /// Of each rank.
  public var threads: Int
  /// The experiment with its overrides and all defaults, as text.
  public var experiment: String

  public init(
    step: Int?, samples: Int?, factors: [Int], orders: Int, ranks: Int, threads: Int,
    experiment: String
  ) {
    (self.step, self.samples, self.factors, self.orders) = (step, samples, factors, orders)
    (self.ranks, self.threads, self.experiment) = (ranks, threads, experiment)
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("samples", samples)
      $0.key("factors")
      $0.array(factors) { $0.value($1) }
      $0.field("orders", orders)
      $0.field("ranks", ranks)
      $0.field("threads", threads)
      $0.field("experiment", experiment)
    }
  }
}
