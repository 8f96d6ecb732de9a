/// Which tensors are clipped together, where that is not all of them.
///
/// A rule that clips single elements or rows knows no groups: frozen tensors alone matter to it.
public struct ClipGroups: Sendable, Equatable {
  /// A group that is clipped by a norm of its own.
  public struct Own: Sendable, Equatable {
    /// As records call it.
    public var name: String
    public var tensors: [Int]

    public init(name: String, tensors: [Int]) { (self.name, self.tensors) = (name, tensors) }
  }

  /// The tensors of the shared norm, by index.
  public let shared: [Int]
  public let own: [Own]
  /// Tensors that no update reaches, in no norm that is compared with a limit.
  public let frozen: [Int]

  /// Divides tensors 0, 1, …: those that are neither frozen nor in a group of their own share a
  /// norm.
  public init(tensorCount: Int, own: [Own], frozen: Set<Int> = []) {
    let apart = frozen.union(own.flatMap(\.tensors))
    shared = (0..<tensorCount).filter { !apart.contains($0) }
    self.own = own
    self.frozen = frozen.sorted()
  }
}

/// What a clip rule made of a group that has a norm of its own.
public struct OwnClip: Sendable, Equatable {
  public var name: String
  /// In the rule's order, before clipping.
  public var norm: Double
  /// The factor of its tensors; nil where they have different ones.
  public var coefficient: Double?
  public var threshold: Double?

  public init(name: String, norm: Double, coefficient: Double?, threshold: Double?) {
    (self.name, self.norm) = (name, norm)
    (self.coefficient, self.threshold) = (coefficient, threshold)
  }
}

/// The clip policies of all groups: one rule, with a memory for each.
struct GroupedClip: Sendable {
  let groups: ClipGroups
  private var shared: ClipPolicy
  private var own: [ClipPolicy]

  init(_ rule: any ClipRule, _ groups: ClipGroups, tensorSizes: [Int]) {
    self.groups = groups
    let knowsGroups = !rule.needs.contains(.elements)
    shared = ClipPolicy(rule, tensorSizes: tensorSizes, of: knowsGroups ? groups.shared : nil)
    own =
      knowsGroups
      ? groups.own.map { ClipPolicy(rule, tensorSizes: tensorSizes, of: $0.tensors) } : []
  }

  /// Decides for every group, and puts the factors together: one for all tensors where all have the
  /// same. The threshold is that of the shared norm.
  mutating func decide(_ ledger: NormLedger) -> (effect: ClipEffect, own: [OwnClip]) {
    if shared.rule.needs.contains(.elements) { return (shared.decide(ledger), []) }
    var factors = [Double](repeating: 1, count: ledger.tensorCount)
    var effects: [ClipEffect] = []
    func enter(_ effect: ClipEffect, for tensors: [Int]) {
      for (place, tensor) in tensors.enumerated() {
        factors[tensor] = effect.factors.factor(ofTensor: place)
      }
      effects.append(effect)
    }
    var threshold: Double?
    if !groups.shared.isEmpty {
      let effect = shared.decide(ledger)
      threshold = effect.threshold
      enter(effect, for: groups.shared)
    }
    let order = shared.rule.order
    var clips: [OwnClip] = []
    for (index, group) in groups.own.enumerated() {
      let effect = own[index].decide(ledger)
      enter(effect, for: group.tensors)
      clips.append(
        OwnClip(
          name: group.name, norm: ledger.norm(order, of: group.tensors),
          coefficient: effect.factors.common, threshold: effect.threshold))
    }
    let common = effects.first?.factors.common
    let isUniform = common != nil && effects.allSatisfy { $0.factors.common == common }
    return (
      ClipEffect(
        isUniform ? .uniform(common!) : .perTensor(factors), threshold: threshold,
        acts: effects.contains(where: \.isClip)),
      clips
    )
  }

  /// What elements of each tensor are limited to: a matter of no groups.
  func limits(ofLargest largest: [Double]) -> [Double] { shared.limits(ofLargest: largest) }

  /// The memories of all groups, the shared one first; of a rule that has none, that of any model.
  var state: StateValue {
    get { shared.rule.isStateless ? shared.state : .list(([shared] + own).map(\.state)) }
    set {
      var states: [StateValue] = []
      if case .list(let list) = newValue, list.count == 1 + own.count { states = list }
      shared.state = states.first ?? .none
      for index in own.indices { own[index].state = states.isEmpty ? .none : states[index + 1] }
    }
  }
}

extension ClipRule {
  /// Whether what a checkpoint holds is a state of this rule for a model whose tensors are clipped
  /// in these groups; no state at all is one.
  public func accepts(_ value: StateValue, groups: ClipGroups) -> Bool {
    guard value != .none else { return true }
    let own = groups.own.map(\.tensors.count)
    let all = groups.shared.count + own.reduce(groups.frozen.count, +)
    if isStateless { return accepts(value, tensorCount: all) }
    let counts = needs.contains(.elements) ? [all] : [groups.shared.count] + own
    guard case .list(let states) = value, states.count == counts.count else { return false }
    return zip(states, counts).allSatisfy { accepts($0, tensorCount: $1) }
  }

  /// Whether the rule remembers nothing.
  public var isStateless: Bool { State.self == Stateless.self }
}
