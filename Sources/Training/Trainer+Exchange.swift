import Coordination
import MPI
import Reports
import Vectors

extension Trainer {
  /// How the ranks exchange gradients, and a note where that is not what is usual. Collective; all ranks come to the same.
  ///
  /// `shares` says which micro-batches each rank has in a step.
  static func exchange(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, shares: [Range<Int>], ranksPerNode: Int?,
    on world: borrowing Communicator
  ) throws -> (exchange: any GradientExchange, note: String?) {
    let isSharded = training.gradient == .sharded
    let mayShare = isSharded && (training.exchange == .shared || training.exchange == .auto)
    if training.reproducible {
      func messages() -> OrderedExchange { OrderedExchange(layout, sharded: isSharded, on: world) }
      guard mayShare else { return (messages(), nil) }
      let outcome = try SharedOrderedExchange.make(layout, shares: shares, ranksPerNode: ranksPerNode, on: world)
      return try choose(outcome, training, else: messages, on: world)
    }
    if !isSharded { return (ReplicatedExchange(layout, on: world), nil) }
    func messages() -> ShardedExchange { ShardedExchange(layout, on: world) }
    guard mayShare && (training.exchange == .shared || world.size > 1) else { return (messages(), nil) }
    return try choose(SharedExchange.make(layout, ranksPerNode: ranksPerNode, on: world), training, else: messages, on: world)
  }

  private static func choose<Exchange>(
    _ outcome: SharedOutcome<Exchange>, _ training: Experiment.TrainingChoice, else messages: () -> some GradientExchange,
    on world: borrowing Communicator
  ) throws -> (exchange: any GradientExchange, note: String?) {
    switch outcome {
    case .made(let exchange): return (exchange, nil)
    case .alone: return (messages(), nil)
    case .refused(let reason):
      if training.exchange == .shared {
        // All ranks know it; one tells.
        try world.agree { () throws -> Void in
          throw RunFailure(
            .usage, "training.exchange: gradients cannot be exchanged through shared memory: \(reason); \"auto\" sends messages then")
        }
      }
      return (messages(), "gradients are exchanged by messages, not through shared memory: \(reason)")
    }
  }
}
