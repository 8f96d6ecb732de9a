import Vectors

/// A stochastic policy for an environment, trained by the policy gradient with a learned baseline
/// (REINFORCE, Williams 1992; Sutton et al. 2000).
///
/// A sample is an episode. Differentiating a batch means acting in its episodes with the weights
/// given, then back-propagating what happened; start and actions are functions of (seed, epoch,
/// sample) and the weights, so an episode is the same on whichever rank.
///
/// **Loss.** An episode's loss is 1 − steps/500, the part of the longest episode that it missed: 0
/// is perfect. That is no function of the weights that could be differentiated; the gradient is
/// that of the episode's surrogate, at the actions aₜ, advantages Aₜ and targets Gₜ that came out,
///
///     Σₜ ( −Aₜ·log π(aₜ|sₜ) − entropyWeight·H(π(·|sₜ)) + valueWeight·½(V(sₜ) − Gₜ)² )
///
/// whose first term is, with discount and lambda 1, an unbiased estimate of the gradient of the
/// expected loss. It is a sum over the steps, not their mean: a mean would weigh a step of a short
/// episode more than one of a long episode, and have another optimum. So norms grow with the
/// episodes.
///
/// **Advantages** are generalised (Schulman et al. 2016): Aₜ = Σₖ (discount·lambda)ᵏ δₜ₊ₖ, δₜ = r +
/// discount·V(sₜ₊₁) − V(sₜ); Gₜ = Aₜ + V(sₜ). An episode that is cut off, not ended by a fall, goes
/// on at V of its last state (Pardo et al. 2018). The reward r of a step is 1 divided by the
/// largest return, min(500, 1/(1 − discount)), so that V lies between 0 and about 1. Nothing is
/// normalised over a batch: an episode's gradient must not depend on which others share its batch.
///
/// Tensors: `policy.layers.I.…` from observation to the actions' logits, `value.layers.I.…` from
/// observation to V; of the same hidden widths.
///
/// It is no composition of layers: a forward pass runs a step of all episodes at a time, as many as
/// the weights make of them, and what was acted is differentiated as one batch.
public final class Policy: Model {
  public struct Terms: Sendable, Equatable {
    public var discount = 0.99
    public var lambda = 0.95
    public var valueWeight = 0.5
    public var entropyWeight = 0.01

    public init() {}
  }

  public var obstacleToSamples: String? {
    "an episode's gradient grows with its steps and is drawn anew in each epoch"
  }
  public let layout: TensorLayout
  public let compute = ComputeContext()
  public let terms: Terms
  private let seed: UInt64
  private let policy: DenseStack
  private let value: DenseStack
  private let rollout = Rollout()
  /// For each episode, what the step after the one in hand has: V and the advantage.
  private var ahead: [(value: Double, advantage: Double)] = []

  public var scoreName: String { "mean_return" }

  public init(hidden: [Int], activation: Activation = .tanh, terms: Terms = Terms(), seed: UInt64) {
    var layout = TensorLayout()
    policy = DenseStack(
      "policy.", widths: [CartPole.observationWidth] + hidden + [CartPole.actionCount],
      activation: activation, in: &layout, by: compute)
    value = DenseStack(
      "value.", widths: [CartPole.observationWidth] + hidden + [1], activation: activation,
      in: &layout, by: compute)
    self.layout = layout
    self.terms = terms
    self.seed = seed
  }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    policy.initialize(&weights, seed: seed)
    value.initialize(&weights, seed: seed)
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    guard batch.count > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    run(batch, weights: weights, greedy: false)
    let capacity = batch.capacity * (CartPole.longestEpisode + 1)
    value.reserve(capacity: capacity)
    let values = value.forward(rollout.observations, rows: 0..<rollout.rows, weights: weights)
    differentiateSurrogate(
      values, scale: Double(scale), toScores: policy.outputGradient(capacity: capacity),
      toValues: value.outputGradient(capacity: capacity))
    value.backward(
      rollout.observations, rows: rollout.steps, weights: weights, into: &gradient,
      accumulate: accumulate, finished: finished)
    policy.backward(
      rollout.observations, rows: rollout.steps, weights: weights, into: &gradient,
      accumulate: accumulate, finished: finished)
    return missed(by: weights)
  }

  /// Acts by the best action. The score is the sum of the returns: of the steps.
  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    run(batch, weights: weights, greedy: true)
    return Evaluation(
      lossSum: missed(by: weights), score: rollout.steps, scored: batch.count, count: batch.count)
  }

  /// The episodes' losses. A weight that is not finite must not hide behind tanh: it makes them
  /// NaN.
  private func missed(by weights: borrowing FlatVector) -> Double {
    Double(rollout.episodes.count) - Double(rollout.steps) / Double(CartPole.longestEpisode) + 0
      * weights.squaredNorm()
  }

  /// ASCII "explore" and "perform": an episode of the test set starts otherwise than the one of the
  /// same index that is trained on.
  private static let (exploring, performing): (UInt64, UInt64) = (
    0x65_7870_6C6F_7265, 0x70_6572_666F_726D
  )

  private func run(_ batch: borrowing Batch, weights: borrowing FlatVector, greedy: Bool) {
    precondition(
      batch.shape.environment == .cartPole, "a policy acts in episodes of an environment")
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    rollout.run(
      batch, policy: policy, weights: weights, greedy: greedy, seed: seed,
      purpose: greedy ? Self.performing : Self.exploring)
  }

  /// ∂surrogate/∂logits and ∂surrogate/∂V, step by step from the last to the first.
  private func differentiateSurrogate(
    _ values: UnsafePointer<Float>, scale: Double, toScores: UnsafeMutablePointer<Float>,
    toValues: UnsafeMutablePointer<Float>
  ) {
    let choices = CartPole.actionCount
    let scores = policy.outputs
    let reward = max(1 / Double(CartPole.longestEpisode), 1 - terms.discount)
    ahead.removeAll(keepingCapacity: true)
    for episode in rollout.episodes {
      ahead.append((value: episode.lastRow.map { Double(values[$0]) } ?? 0, advantage: 0))
    }
    for step in (0..<rollout.steps).reversed() {
      let episode = Int(rollout.episodeOfStep[step])
      let value = Double(values[step])
      let surprise = reward + terms.discount * ahead[episode].value - value
      let advantage = surprise + terms.discount * terms.lambda * ahead[episode].advantage
      ahead[episode] = (value, advantage)
      // The target is V + advantage, so what V misses it by is the advantage.
      toValues[step] = Float(-scale * terms.valueWeight * advantage)

      // ∂H/∂zⱼ = −pⱼ·(log pⱼ + H), and the logarithm of the sum cancels: log pⱼ + H = zⱼ − Σₖ
      // pₖ·zₖ.
      let first = step * choices
      var meanScore = 0.0
      for choice in 0..<choices {
        meanScore += rollout.probabilities[first + choice] * Double(scores[first + choice])
      }
      for choice in 0..<choices {
        let probability = rollout.probabilities[first + choice]
        let slope =
          advantage * (probability - (choice == Int(rollout.actions[step]) ? 1 : 0))
          + terms.entropyWeight * probability * (Double(scores[first + choice]) - meanScore)
        toScores[first + choice] = Float(scale * slope)
      }
    }
  }
}
