import Coordination
import MPI
import Reports
import Vectors

extension Trainer {
  /// How the ranks exchange gradients, and a note where that is not what is usual. Collective; all ranks come to the same.
  static func exchange(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, ranksPerNode: Int?, on world: borrowing Communicator
  ) throws -> (exchange: any GradientExchange, note: String?) {
    let isSharded = training.gradient == .sharded
    if training.reproducible { return (OrderedExchange(layout, sharded: isSharded, on: world), nil) }
    let overlapping = training.overlap == .always
    if !isSharded { return (try ReplicatedExchange(layout, overlapping: overlapping, on: world), nil) }
    let messages = try ShardedExchange(layout, overlapping: overlapping, on: world)
    if training.exchange == .messages || (training.exchange == .auto && world.size == 1) { return (messages, nil) }
    switch try SharedExchange.make(layout, ranksPerNode: ranksPerNode, on: world) {
    case .made(let exchange): return (exchange, nil)
    case .alone: return (messages, nil)
    case .refused(let reason):
      if training.exchange == .shared {
        // All ranks know it; one tells.
        try world.agree { () throws -> Void in
          throw RunFailure(
            .usage, "training.exchange: gradients cannot be exchanged through shared memory: \(reason); \"auto\" sends messages then")
        }
      }
      return (messages, "gradients are exchanged by messages, not through shared memory: \(reason)")
    }
  }
}
