import ExperimentKeys

/// A factor on the schedule's learning rate that follows the gradient's norms, as `schedule.kind`
/// names it. Fed only with reduced values of steps that were taken, so equal on all ranks.
public protocol RateRule: StatefulKind {
  /// What it is, in one sentence, for the page of keys.
  static var summary: String { get }

  /// Reads the kind's own keys of `[schedule]`.
  init(_ keys: inout ExperimentReader, for run: RateContext) throws(ExperimentError)

  associatedtype State = Stateless
  var initialState: State { get }

  /// The factor for the step whose ledger this is, the noise scale having taken it in already;
  /// remembers the step.
  func factor(_ ledger: NormLedger, _ noise: NoiseScale, _ state: inout State) -> Double

  /// The factor of the last step that was taken, which a skipped step leaves as it is.
  func factorInForce(_ state: State) -> Double
}

/// Every kind of rate rule; the first is the default.
public enum RateRules: KindList {
  public static let noun = "rate rule"
  public static let builtIn: [any RateRule.Type] = [
    AdaScaleRate.self,
    PlateauRate.self,
    NormWarmupRate.self,
  ]
  public static func choice(of kind: any RateRule.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind.kind, kind.summary)
  }
}

extension Registry {
  /// Makes a rate rule of the program's own known to experiments.
  public mutating func register(_ kind: (some RateRule).Type) { add(kind, to: RateRules.self) }
}

extension RateRule {
  public static var summary: String { "" }
}

/// What of an experiment a rate rule depends on.
public struct RateContext: Sendable {
  /// Samples a step, at the start.
  public var globalBatch: Int
  /// Whether the optimiser divides each weight's step by the size of its own gradients.
  public var isAdaptive: Bool

  public init(globalBatch: Int, isAdaptive: Bool) {
    (self.globalBatch, self.isAdaptive) = (globalBatch, isAdaptive)
  }
}

/// The schedule's rate as it is.
public struct NoRateRule: RateRule, Equatable {
  public static let kind = "none"
  public init() {}
  public init(_ keys: inout ExperimentReader, for run: RateContext) {}
  public var initialState: Stateless { Stateless() }
  public func factor(_ ledger: NormLedger, _ noise: NoiseScale, _ state: inout Stateless) -> Double
  { 1 }
  public func factorInForce(_ state: Stateless) -> Double { 1 }
}

extension RateRule where Self == NoRateRule {
  public static var none: NoRateRule { NoRateRule() }
}

/// A rate rule of any kind with what it remembers.
public struct RateController: Sendable {
  private var box: any Box

  public init(_ rule: any RateRule) {
    func boxed(_ rule: some RateRule) -> any Box { Holder(rule: rule, state: rule.initialState) }
    box = boxed(rule)
  }

  public mutating func factor(_ ledger: NormLedger, _ noise: NoiseScale) -> Double {
    box.factor(ledger, noise)
  }

  public var inForce: Double { box.inForce }

  /// The state as a checkpoint holds it. What is set to something that is no state of this rule
  /// starts it afresh.
  public var state: StateValue {
    get { box.saved }
    set { box.restore(newValue) }
  }

  private protocol Box: Sendable {
    var inForce: Double { get }
    var saved: StateValue { get }
    mutating func restore(_ value: StateValue)
    mutating func factor(_ ledger: NormLedger, _ noise: NoiseScale) -> Double
  }

  private struct Holder<Rule: RateRule>: Box {
    let rule: Rule
    var state: Rule.State

    var inForce: Double { rule.factorInForce(state) }
    var saved: StateValue { (try? StateValue(state)) ?? .none }
    mutating func restore(_ value: StateValue) { state = value.state() ?? rule.initialState }
    mutating func factor(_ ledger: NormLedger, _ noise: NoiseScale) -> Double {
      rule.factor(ledger, noise, &state)
    }
  }
}

/// An exponential mean, corrected for its start at zero.
public struct RunningMean: Sendable, Equatable, Codable {
  public let memory: Double
  private var sum = 0.0
  private var seen = 0.0

  public init(memory: Double) { self.memory = memory }

  public mutating func record(_ value: Double) {
    sum = memory * sum + (1 - memory) * value
    seen = memory * seen + (1 - memory)
  }

  public var value: Double { seen > 0 ? sum / seen : 0 }
}
