import CVectorKernels
import ExperimentKeys

/// `optimizer.kind = "sgd"`: w ← w − lr·(g + λw), λ the weight decay.
public struct SGD: DecayingRule, Equatable {
  public static let kind = "sgd"
  public static let summary = "w ← w − rate·(g + decay·w)."
  public static let usualRate = 0.05
  public var weightDecay: Double

  public init(weightDecay: Double = 0) { self.weightDecay = weightDecay }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    weightDecay = try keys.weightDecay()
  }

  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_sgd(
        step.weights, step.gradient, step.count, Float(step.rate), Float(step.factor),
        Float(weightDecay)))
  }
}

extension OptimizerRule where Self == SGD {
  public static func sgd(weightDecay: Double = 0) -> SGD { SGD(weightDecay: weightDecay) }
}
