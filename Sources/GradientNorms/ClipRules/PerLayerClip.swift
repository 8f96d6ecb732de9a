import ExperimentKeys

/// `clip.rule = "per-layer"`: each tensor is scaled on its own, to budgets whose squares add up to
/// `maxNorm`².
public struct PerLayerClip: ClipRule, Equatable {
  public static let kind = "per-layer"
  public static let summary = "Each tensor by its own norm, to a part of the budget."
  public var maxNorm: Double
  public var budget: Budget

  public enum Budget: String, CaseIterable, Sendable {
    /// Cₖ = C/√K
    case uniform
    /// Cₖ = C·√(Dₖ/D), D counting elements
    case size
  }

  public init(maxNorm: Double, budget: Budget) {
    (self.maxNorm, self.budget) = (maxNorm, budget)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    maxNorm = try keys.clipLimit("max_norm", default: 1, "the whole budget")
    budget = try keys.choice(
      "budget", default: .uniform,
      "equal parts for all tensors, or parts by their number of elements")
  }

  public var needs: ClipNeeds { budget == .size ? [.tensorNorms, .tensorSizes] : .tensorNorms }

  public func decide(_ norms: StepNorms, _ state: inout Stateless) -> ClipEffect {
    let total = Double(norms.sizes.reduce(0, +))
    let factors = norms.tensors.enumerated().map { tensor, norm in
      let share =
        budget == .uniform ? 1 / Double(norms.sizes.count) : Double(norms.sizes[tensor]) / total
      return clipCoefficient(norm: norm, limit: maxNorm * share.squareRoot())
    }
    return ClipEffect(.perTensor(factors), threshold: maxNorm)
  }
}

extension ClipRule where Self == PerLayerClip {
  public static func perLayer(maxNorm: Double, budget: PerLayerClip.Budget) -> PerLayerClip {
    PerLayerClip(maxNorm: maxNorm, budget: budget)
  }
}
