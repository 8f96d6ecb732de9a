import CVectorKernels
import ExperimentKeys

/// `optimizer.kind = "dog"`: w ← w − lr·g, lr being distance over gradients (Ivgi et al. 2023,
/// arXiv 2302.12022). Keeps the weights it started from.
public struct DoG: DecayingRule, Equatable {
  public static let kind = "dog"
  public static let summary =
    "Distance over gradients: the rate finds itself, and learning_rate is a factor on it."
  public static let usualRate = 1.0
  public var weightDecay: Double

  public init(weightDecay: Double = 0) { self.weightDecay = weightDecay }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    weightDecay = try keys.weightDecay()
  }

  public var momentNames: [String] { ["initial_weights"] }
  public var needs: OptimizerNeeds { .startDistance }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_sgd(
        step.weights, step.gradient, step.count, Float(step.rate), Float(step.factor),
        Float(weightDecay)))
  }
}

extension OptimizerRule where Self == DoG {
  public static func dog(weightDecay: Double = 0) -> DoG { DoG(weightDecay: weightDecay) }
}
