import ExperimentKeys
import Vectors

/// How each tensor of a model is updated, where not all are updated alike.
public struct TensorTreatments: Sendable {
  /// How one tensor is updated.
  public struct Treatment: Sendable {
    /// The tensor's rule, or the optimiser's with its weight decay; nil for the rule as it is.
    public var rule: (any OptimizerRule)?
    /// A factor on the learning rate.
    public var rate = 1.0
    /// Whether a ``MatrixRule`` updates it, as a whole.
    public var isMatrix = false

    /// Whether weights and moments keep their bits.
    public var isFrozen: Bool { rate == 0 }
  }

  private let treatments: [Treatment]
  /// Frozen tensors, by index.
  public let frozen: Set<Int>
  /// Groups that are clipped by a norm of their own, with their tensors that are not frozen. None is
  /// empty.
  public let own: [(name: String, tensors: [Int])]
  /// The matrices that a ``MatrixRule`` updates, with the work that each is.
  private let loads: [Int: Int]

  /// Finds the treatment of each tensor of a layout; nil where there is nothing but the rule.
  ///
  /// Throws, in one line, where a pattern of a group is of no tensor, and where all tensors are
  /// frozen.
  public init?(
    _ layout: TensorLayout, _ rule: any OptimizerRule, decay: DecayedTensors = .all,
    groups: [ParameterGroup] = []
  ) throws(ExperimentError) {
    let names = layout.segments.map(\.name)
    for group in groups { try group.check(names) }
    let owners = names.map { name in groups.firstIndex { $0.matches(name) } }
    let matrixRule = rule as? any MatrixRule
    let treatments = zip(layout.segments, owners).map { segment, owner in
      let group = owner.map { groups[$0] }
      let isMatrix =
        matrixRule != nil && segment.shape.count > 1 && segment.count > 0
        && group?.isMatrix ?? (segment.role == .hidden)
      let other = isMatrix ? nil : matrixRule?.other
      let weightDecay = group?.weightDecay ?? (decay.contains(segment) ? nil : 0)
      return Treatment(
        rule: weightDecay.flatMap { Self.rule(other ?? rule, decaying: $0) } ?? other,
        rate: (group?.rate ?? 1) * (other == nil ? 1 : matrixRule!.otherRate), isMatrix: isMatrix)
    }
    let frozen = Set(treatments.indices.filter { treatments[$0].isFrozen })
    var loads: [Int: Int] = [:]
    for tensor in treatments.indices where treatments[tensor].isMatrix && !frozen.contains(tensor) {
      let (rows, columns) = layout.segments[tensor].matrixShape
      loads[tensor] = matrixRule!.load(rows: rows, columns: columns)
    }
    self.loads = loads
    own = groups.indices.compactMap { index in
      let tensors = owners.indices.filter { owners[$0] == index && !frozen.contains($0) }
      return groups[index].clip == .own && !tensors.isEmpty ? (groups[index].name, tensors) : nil
    }
    (self.treatments, self.frozen) = (treatments, frozen)
    if !treatments.isEmpty && frozen.count == treatments.count {
      throw ExperimentError("optimizer.groups: every tensor has rate = 0: nothing would be trained")
    }
    let isPlain = treatments.allSatisfy { $0.rule == nil && $0.rate == 1 && !$0.isMatrix }
    if own.isEmpty && isPlain { return nil }
  }

  /// The matrices that a ``MatrixRule`` updates and that are not frozen, by index: each needs one
  /// owner.
  public var matrices: [Int] { loads.keys.sorted() }

  /// The layout by which tensors are divided among the ranks: these matrices stay whole.
  public func dividing(_ layout: TensorLayout) -> TensorLayout { layout.keepingWhole(loads) }

  /// How many tensors the model has.
  public var count: Int { treatments.count }

  public subscript(tensor: Int) -> Treatment { treatments[tensor] }

  /// The rule with a weight decay; nil where that is the decay that it has.
  private static func rule(_ rule: any OptimizerRule, decaying weightDecay: Double)
    -> (any OptimizerRule)?
  {
    guard var decaying = rule as? any DecayingRule, decaying.weightDecay != weightDecay else {
      return nil
    }
    decaying.weightDecay = weightDecay
    return decaying
  }
}
