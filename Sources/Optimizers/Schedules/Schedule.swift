import ExperimentKeys

/// The learning rate as a function of the step, of the number of steps T, and of the base rate, as
/// `schedule.kind` names it.
public protocol Schedule: Sendable {
  /// The value by which an experiment names it.
  static var kind: String { get }

  /// What it is, in one sentence, for the page of keys.
  static var summary: String { get }

  /// Reads the kind's own keys of `[schedule]`. `rate` is the base rate,
  /// `optimizer.learning_rate`.
  init(_ keys: inout ExperimentReader, rate: Double) throws(ExperimentError)

  /// The rate of a step.
  ///
  /// Steps count from 1 to T; a step past T has the last step's rate. A step may be a fraction:
  /// where batches grow, a step counts for as many of the first size as it has samples.
  func rate(at step: Double, of totalSteps: Int, base: Double) -> Double
}

extension Schedule {
  public static var summary: String { "" }
}

/// Every kind of schedule; the first is the default.
public enum Schedules: KindList {
  public static let noun = "schedule"
  public static let builtIn: [any Schedule.Type] = [
    ConstantRate.self,
    CosineDecay.self,
    LinearWarmup.self,
    WarmupCosine.self,
  ]
  public static func choice(of kind: any Schedule.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind.kind, kind.summary)
  }
}

extension Registry {
  /// Makes a schedule of the program's own known to experiments.
  public mutating func register(_ kind: (some Schedule).Type) { add(kind, to: Schedules.self) }
}

// The keys that several schedules have.
extension ExperimentReader {
  mutating func finalRate(below rate: Double) throws(ExperimentError) -> Double {
    let final = try number(
      "final_rate", default: 0, wanted: "a number of at least 0, the rate at the last step",
      "the rate at the last step; at most `optimizer.learning_rate`"
    ) { $0 >= 0 }
    guard final <= rate else {
      throw error(
        "final_rate",
        "\(final) is above optimizer.learning_rate = \(rate), which the schedule falls from: give at most that"
      )
    }
    return final
  }

  mutating func warmupSteps() throws(ExperimentError) -> Int {
    try integer("warmup_steps", default: 100, in: 1...Int.max, "steps in which the rate rises")
  }
}
