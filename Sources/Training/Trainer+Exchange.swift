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
    let isReplicated = training.gradient == .replicated
    let mayShare = !isReplicated && training.exchange != .messages
    if training.reproducible {
      func ordered() -> any GradientExchange { OrderedExchange(layout, sharded: !isReplicated, on: world) }
      guard mayShare else { return (ordered(), nil) }
      let outcome = try SharedOrderedExchange.make(layout, shares: shares, ranksPerNode: ranksPerNode, on: world)
      return try choose(outcome, training, else: ordered, on: world)
    }
    let node = if let ranksPerNode { try world.split(color: world.rank / ranksPerNode) } else { try world.splitByNode() }
    let isOneNode = node.size == world.size
    try node.free()
    func sent() throws -> any GradientExchange { try messages(training, layout, isOneNode: isOneNode, on: world) }
    guard mayShare && (training.exchange == .shared || world.size > 1) else { return (try sent(), nil) }
    return try choose(SharedExchange.make(layout, ranksPerNode: ranksPerNode, on: world), training, else: sent, on: world)
  }

  private static func choose<Exchange>(
    _ outcome: SharedOutcome<Exchange>, _ training: Experiment.TrainingChoice, else messages: () throws -> any GradientExchange,
    on world: borrowing Communicator
  ) throws -> (exchange: any GradientExchange, note: String?) {
    switch outcome {
    case .made(let exchange): return (exchange, nil)
    case .alone: return (try messages(), nil)
    case .refused(let reason):
      if training.exchange == .shared {
        // All ranks know it; one tells.
        try world.agree { () throws -> Void in
          throw RunFailure(
            .usage, "training.exchange: gradients cannot be exchanged through shared memory: \(reason); \"auto\" sends messages then")
        }
      }
      return (try messages(), "gradients are exchanged by messages, not through shared memory: \(reason)")
    }
  }

  /// The exchange by messages, its gradient whole or divided, at once or in buckets; all ranks choose the same.
  ///
  /// Measured on two ranks, ms a step, behind the backward pass → in buckets during it. Of two hosts at 1 Gbit/s (the workload gpt-cpu): sharded
  /// 75.5 → 64.4, replicated 77.1 → 55.7; weights are gathered only behind the clip, so half of what a sharded step sends is never hidden. Of one
  /// node: sharded 49.4 → 48.2 and, the workload mlp, 11.4 → 10.6; replicated 50.5 → 51.1 and 12.2 → 12.4, for there the ranks' own cores carry the bytes.
  private static func messages(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, isOneNode: Bool, on world: borrowing Communicator
  ) throws(MPIError) -> any GradientExchange {
    let isReplicated = training.gradient == .replicated || (training.gradient == .auto && !isOneNode)
    if !isReplicated { return try ShardedExchange(layout, overlapping: training.overlap != .never, on: world) }
    return try ReplicatedExchange(
      layout, overlapping: training.overlap == .always || (training.overlap == .auto && !isOneNode), on: world)
  }
}
