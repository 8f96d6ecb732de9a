/// A clip rule of any kind with what it remembers: fed with reduced, finite norms, so equal on all
/// ranks.
public struct ClipPolicy: Sendable {
  private var box: any Box
  /// The tensors that are clipped together, by index; nil for all.
  private let tensors: [Int]?
  /// Elements of each of them.
  private let sizes: [Int]

  /// A rule before the first step. `tensors` are those of the model that it clips together; nil
  /// for all, whose numbers of elements are `tensorSizes`.
  public init(_ rule: any ClipRule, tensorSizes: [Int], of tensors: [Int]? = nil) {
    let sizes = tensors.map { $0.map { tensorSizes[$0] } } ?? tensorSizes
    func boxed(_ rule: some ClipRule) -> any Box {
      Holder(rule: rule, state: rule.initialState(tensorCount: sizes.count))
    }
    box = boxed(rule)
    (self.tensors, self.sizes) = (tensors, sizes)
  }

  public var rule: any ClipRule { box.anyRule }

  /// Decides from a ledger whose norms are finite, and remembers them. Factors by tensor are of the
  /// tensors that are clipped together.
  public mutating func decide(_ ledger: NormLedger) -> ClipEffect {
    let order = box.anyRule.order
    guard let tensors else { return box.decide(StepNorms(ledger, order: order, sizes: sizes)) }
    return box.decide(
      StepNorms(
        whole: ledger.norm(order, of: tensors),
        tensors: tensors.map { ledger.norm(ofTensor: $0) }, sizes: sizes))
  }

  /// Decides from finite norms, the gradient's in the rule's order and each tensor's, and remembers
  /// them.
  public mutating func decide(norm: Double, tensorNorms: [Double]) -> ClipEffect {
    box.decide(StepNorms(whole: norm, tensors: tensorNorms, sizes: sizes))
  }

  /// What elements of each tensor are limited to, from the largest magnitudes; remembers nothing.
  func limits(ofLargest largest: [Double]) -> [Double] { box.limits(ofLargest: largest) }

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
    func limits(ofLargest largest: [Double]) -> [Double]
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

    func limits(ofLargest largest: [Double]) -> [Double] {
      rule.limits(ofLargest: largest, state)
    }
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
