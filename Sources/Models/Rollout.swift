import CVectorKernels
import Vectors

/// Episodes that a policy has acted in side by side, with all that their gradient needs, in memory
/// made once.
///
/// Rows are moments: first those of step 0 of all episodes, then those of step 1 of the episodes
/// that still run, and so on; at the end one row for the last state of each episode that was cut
/// off. A step is one product a layer over the running episodes, and its activations stay with
/// `policy`.
final class Rollout {
  /// One of the batch's episodes.
  struct Episode {
    var world: CartPole
    var chance: RandomStream
    var steps = 0
    /// The row of its last state if it was cut off; nil if it fell.
    var lastRow: Int?
  }

  private(set) var episodes: [Episode] = []
  /// Moments in which an action was taken.
  private(set) var steps = 0
  /// Those and the last states.
  private(set) var rows = 0
  /// Each step's episode, as a position in the batch.
  private(set) var episodeOfStep: [Int32] = []
  private(set) var actions: [UInt8] = []
  /// Each step's probabilities of the actions, row-major.
  private(set) var probabilities: [Double] = []
  private let scratch = Workspace()
  private var running: [Int] = []

  var observations: UnsafeMutablePointer<Float> { scratch.base }

  /// Lets the policy act until every episode of the batch has ended, at random by its probabilities
  /// or, if `greedy`, as it thinks best.
  ///
  /// An episode's random numbers, its start's and one an action, are a function of (seed, purpose,
  /// epoch, sample).
  func run(
    _ batch: borrowing Batch, policy: DenseStack, weights: borrowing FlatVector, greedy: Bool,
    seed: UInt64, purpose: UInt64
  ) {
    let (width, choices) = (CartPole.observationWidth, CartPole.actionCount)
    let capacity = batch.capacity * CartPole.longestEpisode
    policy.reserve(capacity: capacity)
    scratch.reserve((capacity + batch.capacity) * width)
    if probabilities.count < capacity * choices {
      probabilities = [Double](repeating: 0, count: capacity * choices)
      episodeOfStep.reserveCapacity(capacity)
      actions.reserveCapacity(capacity)
    }
    episodes.removeAll(keepingCapacity: true)
    episodeOfStep.removeAll(keepingCapacity: true)
    actions.removeAll(keepingCapacity: true)
    for sample in batch.samples.prefix(batch.count) {
      var chance = RandomStream(seed, purpose, UInt64(batch.epoch), UInt64(sample))
      episodes.append(Episode(world: CartPole(startingBy: &chance), chance: chance))
    }
    running.removeAll(keepingCapacity: true)
    running.append(contentsOf: episodes.indices)
    steps = 0

    while !running.isEmpty {
      for (index, episode) in running.enumerated() { observe(episode, row: steps + index) }
      let scores = policy.forward(
        observations, rows: steps..<steps + running.count, weights: weights)
      probabilities.withUnsafeMutableBufferPointer {
        cvk_softmax($0.baseAddress! + steps * choices, scores, running.count, choices)
      }
      for episode in running {
        let action =
          greedy ? bestAction(at: steps) : drawAction(at: steps, by: &episodes[episode].chance)
        episodes[episode].world.take(action: action)
        episodes[episode].steps += 1
        episodeOfStep.append(Int32(episode))
        actions.append(UInt8(action))
        steps += 1
      }
      running.removeAll {
        episodes[$0].world.hasFallen || episodes[$0].steps == CartPole.longestEpisode
      }
    }

    rows = steps
    for episode in episodes.indices where !episodes[episode].world.hasFallen {
      observe(episode, row: rows)
      episodes[episode].lastRow = rows
      rows += 1
    }
  }

  private func observe(_ episode: Int, row: Int) {
    let world = episodes[episode].world
    let observation = observations + row * CartPole.observationWidth
    observation[0] = Float(world.position)
    observation[1] = Float(world.velocity)
    observation[2] = Float(world.angle)
    observation[3] = Float(world.angularVelocity)
  }

  /// The first of the most probable actions.
  private func bestAction(at step: Int) -> Int {
    let first = step * CartPole.actionCount
    return (1..<CartPole.actionCount).reduce(0) {
      probabilities[first + $1] > probabilities[first + $0] ? $1 : $0
    }
  }

  private func drawAction(at step: Int, by chance: inout RandomStream) -> Int {
    var rest = chance.unit()
    var action = 0
    while action < CartPole.actionCount - 1,
      !(rest < probabilities[step * CartPole.actionCount + action])
    {
      rest -= probabilities[step * CartPole.actionCount + action]
      action += 1
    }
    return action
  }
}
