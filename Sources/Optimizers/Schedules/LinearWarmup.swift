import ExperimentKeys

/// `schedule.kind = "warmup"`: base·step/W up to step W, the base rate from there on.
public struct LinearWarmup: Schedule, Equatable {
  public static let kind = "warmup"
  public static let summary = "The rate rises linearly, then stays."
  public var steps: Int

  public init(steps: Int) { self.steps = steps }

  public init(_ keys: inout ExperimentReader, rate: Double) throws(ExperimentError) {
    steps = try keys.warmupSteps()
  }

  public func rate(at step: Double, of totalSteps: Int, base: Double) -> Double {
    precondition(step >= 1, "steps count from 1")
    return step < Double(steps) ? base * step / Double(steps) : base
  }
}

extension Schedule where Self == LinearWarmup {
  public static func warmup(steps: Int) -> LinearWarmup { LinearWarmup(steps: steps) }
}
