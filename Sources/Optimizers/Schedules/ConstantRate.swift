import ExperimentKeys

/// `schedule.kind = "constant"`: every step has the base rate.
public struct ConstantRate: Schedule, Equatable {
  public static let kind = "constant"
  public static let summary = "The rate stays as it is."
  public init() {}
  public init(_ keys: inout ExperimentReader, rate: Double) {}
  public func rate(at step: Double, of totalSteps: Int, base: Double) -> Double { base }
}

extension Schedule where Self == ConstantRate {
  public static var constant: ConstantRate { ConstantRate() }
}
