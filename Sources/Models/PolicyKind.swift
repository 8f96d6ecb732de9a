import ExperimentKeys
import Vectors

/// `model.kind = "policy"`: reinforcement learning in an environment; see ``Policy``.
public struct PolicyKind: ModelKind {
  public static let kind = "policy"
  public static let summary =
    "REINFORCE with a learned baseline: a sample is an episode, its loss the part of the 500 steps that it missed."
  public static let usualData: String? = "cartpole"
  public let hidden: [Int]
  public let activation: Activation
  public let terms: Policy.Terms

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    hidden = try keys.integers(
      "hidden", default: [64, 64], in: 1...(1 << 20), "widths of the hidden layers")
    activation = try keys.choice(
      "activation", default: .tanh, "the function after each hidden layer")
    var terms = Policy.Terms()
    terms.discount = try keys.number(
      "discount", default: terms.discount, in: 0...1, "weight of the next step's reward")
    terms.lambda = try keys.number(
      "lambda", default: terms.lambda, in: 0...1, "λ of generalised advantage estimation")
    terms.valueWeight = try keys.number(
      "value_weight", default: terms.valueWeight, in: 0...(.infinity),
      "weight of the baseline's error")
    terms.entropyWeight = try keys.number(
      "entropy_weight", default: terms.entropyWeight, in: 0...(.infinity),
      "weight of the policy's entropy")
    self.terms = terms
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    guard samples.environment == .cartPole else {
      throw mismatch("episodes of an environment (cartpole)")
    }
    return Policy(hidden: hidden, activation: activation, terms: terms, seed: seed)
  }
}
