import Coordination
import MPI
import Reports
import Scaling
import Vectors

extension Trainer {
  /// How the ranks exchange gradients, and a note where that is not what is usual. Collective; all ranks come to the same.
  static func exchange(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, ranksPerNode: Int?, on world: borrowing Communicator
  ) throws -> (exchange: any GradientExchange, note: String?) {
    let isSharded = training.gradient == .sharded
    if training.reproducible { return (OrderedExchange(layout, sharded: isSharded, on: world), nil) }
    if !isSharded { return (ReplicatedExchange(layout, on: world), nil) }
    let messages = ShardedExchange(layout, on: world)
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

  /// What the ranks would do with gradients on hosts placed so.
  public static func pattern(_ training: Experiment.TrainingChoice, on placement: Placement) -> ExchangePattern {
    if training.reproducible { return .ordered }
    if training.gradient == .replicated { return .replicated }
    if training.exchange == .messages { return .messages }
    return (placement.ranksPerHost ?? 1) > 1 ? .shared : .messages
  }

  /// The exchange, held back to what it would take between the hosts of a simulation.
  static func simulated(
    _ real: any GradientExchange, _ simulation: Simulation, _ training: Experiment.TrainingChoice, _ layout: TensorLayout,
    on world: borrowing Communicator
  ) throws -> SimulatedExchange {
    try world.agree {
      guard let straggler = simulation.stragglers.first(where: { $0.rank >= world.size }) else { return }
      throw RunFailure(.usage, "--simulate: straggler=\(straggler.rank):\(straggler.factor), but there are \(world.size) ranks, from 0")
    }
    let placement = simulation.placement(ranks: world.size)
    let bytes = Double(layout.elementCount * MemoryLayout<Float>.stride)
    guard let step = pattern(training, on: placement).step(bytes: bytes, on: placement) else {
      fatalError("the pattern was chosen for the placement")
    }
    return SimulatedExchange(real, reduceSeconds: simulation.seconds(step.reduce), publishSeconds: simulation.seconds(step.publish))
  }
}
