/// What a clip rule would have done to the norms of a run that was made with another.
///
/// It holds for the recorded norms only: had the rule been in force, the weights, and with them all
/// later norms, would have been others.
public struct ClipReplay: Sendable, Equatable {
  /// The norms of a step that was taken: the gradient's before clipping, and each tensor's where
  /// they are known.
  public struct Norms: Sendable, Equatable {
    public var whole: Double
    public var tensors: [Double]

    public init(whole: Double, tensors: [Double] = []) {
      self.whole = whole
      self.tensors = tensors
    }
  }

  public let steps: Int
  public let clipped: Int
  /// Mean and smallest of ‖applied‖/‖g‖ over all steps; nil without steps.
  public let meanCoefficient: Double?
  public let smallestCoefficient: Double?

  /// Runs a rule that scales by norms over a series of them, with a memory of its own from the
  /// first one on.
  ///
  /// Rules by tensor need the tensors' norms in every step, of equally many tensors; budgets by
  /// size are not for them, since norms do not give sizes.
  public init(of rule: any ClipRule, on series: [Norms]) {
    precondition(
      !rule.needs.contains(.elements), "norms do not determine what a rule for single elements does"
    )
    let tensors = series.first?.tensors.count ?? 0
    precondition(!rule.needs.contains(.tensorSizes), "norms do not determine the tensors' sizes")
    if rule.needs.contains(.tensorNorms) {
      precondition(
        tensors > 0 && series.allSatisfy { $0.tensors.count == tensors },
        "a rule by tensor needs each tensor's norms")
    }
    var policy = ClipPolicy(rule, tensorSizes: [Int](repeating: 1, count: tensors))
    var (clipped, sum, smallest) = (0, 0.0, Double.infinity)
    for norms in series {
      let coefficient: Double
      let acts: Bool
      switch policy.decide(norm: norms.whole, tensorNorms: norms.tensors).factors {
      case .uniform(let factor):
        coefficient = factor
        acts = factor != 1
      case .perTensor(let factors):
        let before = norms.tensors.reduce(0) { $0 + $1 * $1 }
        let after = zip(factors, norms.tensors).reduce(0) { $0 + $1.0 * $1.0 * $1.1 * $1.1 }
        coefficient = before > 0 ? (after / before).squareRoot() : 1
        acts = factors.contains { $0 < 1 }
      }
      if acts { clipped += 1 }
      sum += coefficient
      smallest = min(smallest, coefficient)
    }
    steps = series.count
    self.clipped = clipped
    meanCoefficient = series.isEmpty ? nil : sum / Double(series.count)
    smallestCoefficient = series.isEmpty ? nil : smallest
  }

  public var clippedFraction: Double? { steps > 0 ? Double(clipped) / Double(steps) : nil }
}
