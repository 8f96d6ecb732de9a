import ExperimentKeys
import Vectors

/// `model.kind = "linear"`: least squares, one layer and the squared error.
public struct LinearKind: ModelKind {
  public static let kind = "linear"
  public static let summary = "Least squares."

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {}

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    _ = try outputs(samples, for: .squaredError)
    return try Network.perceptron(for: samples, hidden: [], loss: .squaredError)
  }
}

/// `model.kind = "logistic"`: multinomial logistic regression, one layer and the cross-entropy.
public struct LogisticKind: ModelKind {
  public static let kind = "logistic"
  public static let summary = "Multinomial logistic regression."

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {}

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    _ = try outputs(samples, for: .crossEntropy)
    return try Network.perceptron(for: samples, hidden: [], loss: .crossEntropy)
  }
}
