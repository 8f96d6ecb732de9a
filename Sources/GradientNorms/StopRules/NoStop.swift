import ExperimentKeys

/// `stop.rule = "none"`: training goes to its length.
public struct NoStop: StopRule, Equatable {
  public static let kind = "none"
  public static let summary = "Training goes to its length."

  public init() {}
  public init(_ keys: inout ExperimentReader) {}

  public func record(_ ledger: NormLedger, _ decision: StepDecision, _ state: inout NeverStops) {}
}

extension StopRule where Self == NoStop {
  public static var none: NoStop { NoStop() }
}
