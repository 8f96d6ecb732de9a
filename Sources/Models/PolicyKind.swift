import ExperimentKeys
import Vectors

/// `model.kind = "policy"`: reinforcement learning in an environment; see ``Policy``.
public struct PolicyKind: ModelKind {
  public static let kind = "policy"
  public let hidden: [Int]
  public let activation: Activation
  public let terms: Policy.Terms

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    hidden = try keys.integers("hidden", default: [64, 64], in: 1...(1 << 20))
    activation = try keys.choice("activation", default: .tanh)
    var terms = Policy.Terms()
    func fraction(_ key: String, _ fallback: Double) throws(ExperimentError) -> Double {
      try keys.number(key, default: fallback, wanted: "a number of at least 0 and at most 1") {
        (0...1).contains($0)
      }
    }
    func weight(_ key: String, _ fallback: Double) throws(ExperimentError) -> Double {
      try keys.number(key, default: fallback, wanted: "a number of at least 0") { $0 >= 0 }
    }
    terms.discount = try fraction("discount", terms.discount)
    terms.lambda = try fraction("lambda", terms.lambda)
    terms.valueWeight = try weight("value_weight", terms.valueWeight)
    terms.entropyWeight = try weight("entropy_weight", terms.entropyWeight)
    self.terms = terms
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    guard samples.environment == .cartPole else {
      throw mismatch("episodes of an environment (cartpole)")
    }
    return Policy(hidden: hidden, activation: activation, terms: terms, seed: seed)
  }
}
