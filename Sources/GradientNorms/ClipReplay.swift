/// What a clip rule would have done to the norms of a run that was made with another.
///
/// It holds for the recorded norms only: had the rule been in force, the weights, and with them all
/// later norms, would have been others.
public struct ClipReplay: Sendable, Equatable {
  /// The norms of a step that was taken: of the vector that the rule limits, before clipping, and
  /// each tensor's where they are known.
  public struct Norms: Sendable, Equatable {
    public var whole: Double
    public var tensors: [Double]

    public init(whole: Double, tensors: [Double] = []) {
      self.whole = whole
      self.tensors = tensors
    }
  }

  /// ‖applied‖ over the norm before it, in every step.
  public let coefficients: [Double]
  public let clipped: Int

  /// Runs a rule that scales by norms over a series of them, with a memory of its own from the
  /// first one on. `sizes` are the tensors' numbers of elements.
  ///
  /// Only for rules without an ``obstacle(to:on:sizes:)``.
  public init(of rule: any ClipRule, on series: [Norms], sizes: [Int]? = nil) {
    if let obstacle = Self.obstacle(to: rule, on: series, sizes: sizes) {
      preconditionFailure(obstacle)
    }
    let tensors = series.first?.tensors.count ?? 0
    var policy = ClipPolicy(rule, tensorSizes: sizes ?? [Int](repeating: 1, count: tensors))
    var clipped = 0
    coefficients = series.map { norms in
      switch policy.decide(norm: norms.whole, tensorNorms: norms.tensors).factors {
      case .uniform(let factor):
        if factor != 1 { clipped += 1 }
        return factor
      case .perTensor(let factors):
        if factors.contains(where: { $0 < 1 }) { clipped += 1 }
        let before = norms.tensors.reduce(0) { $0 + $1 * $1 }
        let after = zip(factors, norms.tensors).reduce(0) { $0 + $1.0 * $1.0 * $1.1 * $1.1 }
        return before > 0 ? (after / before).squareRoot() : 1
      }
    }
    self.clipped = clipped
  }

  /// Why a series of norms does not determine what a rule does; nil where it does.
  public static func obstacle(
    to rule: any ClipRule, on series: [Norms], sizes: [Int]? = nil
  ) -> String? {
    if rule.needs.contains(.elements) {
      return "it acts on elements or rows, which norms do not determine"
    }
    guard let first = series.first, !rule.needs.isDisjoint(with: [.tensorNorms, .tensorSizes])
    else { return nil }
    let count = first.tensors.count
    guard count > 0, series.allSatisfy({ $0.tensors.count == count }) else {
      return "it needs the norm of each tensor in every step"
    }
    if rule.needs.contains(.tensorSizes), sizes?.count != count {
      return "it needs the tensors' sizes"
    }
    return nil
  }

  public var steps: Int { coefficients.count }
  public var clippedFraction: Double? { steps > 0 ? Double(clipped) / Double(steps) : nil }
  /// Mean and smallest of the coefficients; nil without steps.
  public var meanCoefficient: Double? {
    steps > 0 ? coefficients.reduce(0, +) / Double(steps) : nil
  }
  public var smallestCoefficient: Double? { coefficients.min() }
}
