import ExperimentKeys

/// What may end training before its length, as `stop.rule` names it: a function of reduced values
/// alone, so that all ranks stop at the same step.
public protocol StopRule: Kind, StatefulKind where State: StopState {
  associatedtype State = NeverStops
  var initialState: State { get }

  /// Takes in a step that was not skipped.
  func record(_ ledger: NormLedger, _ decision: StepDecision, _ state: inout State)
}

/// Every kind of stop rule; the first is the default.
public enum StopRules: KindList {
  public static let noun = "stop rule"
  public static let builtIn: [any StopRule.Type] = [
    NoStop.self,
    NormStop.self,
    LossStop.self,
  ]
  public static func choice(of kind: any StopRule.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a stop rule of the program's own known to experiments.
  public mutating func register(_ kind: (some StopRule).Type) { add(kind, to: StopRules.self) }
}

/// What a stop rule has seen.
public protocol StopState: Codable, Sendable, Equatable {
  /// Why training is to end, as the end of a sentence; nil while it goes on.
  var reason: String? { get }
}

/// The state of a rule that is never met.
public struct NeverStops: StopState {
  public var reason: String? { nil }
  public init() {}
}

extension StopRule where State == NeverStops {
  public var initialState: NeverStops { NeverStops() }
}

/// A stop rule of any kind with what it has seen.
public struct EarlyStop: Sendable {
  private var box: any Box

  public init(_ rule: any StopRule) {
    func boxed(_ rule: some StopRule) -> any Box { Holder(rule: rule, state: rule.initialState) }
    box = boxed(rule)
  }

  /// Why training is to end; nil while it goes on.
  public var reason: String? { box.reason }

  /// Takes in a step that was not skipped.
  public mutating func record(_ ledger: NormLedger, _ decision: StepDecision) {
    box.record(ledger, decision)
  }

  /// The state as a checkpoint holds it. What is set to something that is no state of this rule
  /// starts it afresh.
  public var state: StateValue {
    get { box.saved }
    set { box.restore(newValue) }
  }

  private protocol Box: Sendable {
    var reason: String? { get }
    var saved: StateValue { get }
    mutating func restore(_ value: StateValue)
    mutating func record(_ ledger: NormLedger, _ decision: StepDecision)
  }

  private struct Holder<Rule: StopRule>: Box {
    let rule: Rule
    var state: Rule.State

    var reason: String? { state.reason }
    var saved: StateValue { (try? StateValue(state)) ?? .none }
    mutating func restore(_ value: StateValue) { state = value.state() ?? rule.initialState }
    mutating func record(_ ledger: NormLedger, _ decision: StepDecision) {
      rule.record(ledger, decision, &state)
    }
  }
}

/// The newest values of a rule that looks at so many of them.
public struct WindowState: StopState {
  var values: [Double] = []
  public internal(set) var reason: String?

  public init() {}

  /// Whether there are as many values as the rule looks at, this one the last.
  mutating func keep(_ value: Double, newest count: Int) -> Bool {
    values.append(value)
    if values.count > count { values.removeFirst(values.count - count) }
    return values.count == count
  }
}

extension ExperimentReader {
  /// The steps over which a rule of `[stop]` takes a mean.
  mutating func stopWindow(_ help: String) throws(ExperimentError) -> Int {
    try integer("window", default: 1, in: 1...(1 << 20), help)
  }
}
