/// A clip rule of any kind with what it remembers: fed with reduced, finite norms, so equal on all
/// ranks.
public struct ClipPolicy: Sendable {
  private var box: any Box
  /// Elements of each tensor.
  private let sizes: [Int]

  public init(_ rule: any ClipRule, tensorSizes: [Int]) {
    func boxed(_ rule: some ClipRule) -> any Box {
      Holder(rule: rule, state: rule.initialState(tensorCount: tensorSizes.count))
    }
    box = boxed(rule)
    sizes = tensorSizes
  }

  public var rule: any ClipRule { box.anyRule }

  /// Decides from a ledger whose norms are finite, and remembers them.
  public mutating func decide(_ ledger: NormLedger) -> ClipEffect {
    box.decide(StepNorms(ledger, order: box.anyRule.order, sizes: sizes))
  }

  /// Decides from finite norms, the gradient's in the rule's order and each tensor's, and remembers
  /// them.
  public mutating func decide(norm: Double, tensorNorms: [Double]) -> ClipEffect {
    box.decide(StepNorms(whole: norm, tensors: tensorNorms, sizes: sizes))
  }

  /// The state as a checkpoint holds it. What is set to something that is no state of this rule
  /// starts it afresh.
  public var state: StateValue {
    get { box.saved }
    set { box.restore(newValue, tensorCount: sizes.count) }
  }

  // The rule with its state, whatever its type.
  private protocol Box: Sendable {
    var anyRule: any ClipRule { get }
    var saved: StateValue { get }
    mutating func restore(_ value: StateValue, tensorCount: Int)
    mutating func decide(_ norms: StepNorms) -> ClipEffect
  }

  private struct Holder<Rule: ClipRule>: Box {
    let rule: Rule
    var state: Rule.State

    var anyRule: any ClipRule { rule }
    var saved: StateValue { (try? StateValue(state)) ?? .none }

    mutating func restore(_ value: StateValue, tensorCount: Int) {
      let kept: Rule.State? = value.state()
      state =
        kept.flatMap { rule.accepts($0, tensorCount: tensorCount) ? $0 : nil }
        ?? rule.initialState(tensorCount: tensorCount)
    }

    mutating func decide(_ norms: StepNorms) -> ClipEffect { rule.decide(norms, &state) }
  }
}

extension ClipRule {
  /// Whether what a checkpoint holds is a state of this rule, for a model of so many tensors; no
  /// state at all is one.
  public func accepts(_ value: StateValue, tensorCount: Int) -> Bool {
    guard value != .none else { return true }
    guard let state: State = value.state() else { return false }
    return accepts(state, tensorCount: tensorCount)
  }
}
