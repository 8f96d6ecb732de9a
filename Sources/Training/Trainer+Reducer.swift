import Configuration
import GradientReduction
import MPI
import Recording
import Reports
import Scaling
import Vectors

extension Trainer {
  /// How the ranks sum gradients, and a note where that is not what is usual. Collective; all ranks
  /// choose the same.
  ///
  /// `microBatches` are those that each rank has in a step, at most; with a `simulation` messages
  /// are held back to what they would take there.
  package static func makeReducer(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, microBatches: [Range<Int>],
    ranksPerNode: Int? = nil, _ simulation: Simulation? = nil, on world: borrowing Communicator
  ) throws -> (reducer: any GradientReducer, note: String?) {
    let (real, note) = try real(
      training, layout, microBatches: microBatches, ranksPerNode: ranksPerNode, on: world)
    guard let simulation else { return (real, note) }
    return (try simulated(real, simulation, training, layout, on: world), note)
  }

  private static func real(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, microBatches: [Range<Int>],
    ranksPerNode: Int?, on world: borrowing Communicator
  ) throws -> (reducer: any GradientReducer, note: String?) {
    let mayShare = Self.mayShare(training)
    if training.reproducible {
      func ordered() -> any GradientReducer {
        DeterministicReducer(layout, sharded: training.gradient != .replicated, on: world)
      }
      guard mayShare else { return (ordered(), nil) }
      let outcome = try SharedDeterministicReducer.make(
        layout, shares: microBatches, ranksPerNode: ranksPerNode, on: world)
      return try choose(outcome, training, else: ordered, on: world)
    }
    let node =
      if let ranksPerNode { try world.split(color: world.rank / ranksPerNode) } else {
        try world.splitByNode()
      }
    let isOneNode = node.size == world.size
    try node.free()
    func sent() throws -> any GradientReducer {
      try messages(training, layout, isOneNode: isOneNode, on: world)
    }
    guard mayShare && (training.exchange == .shared || world.size > 1) else {
      return (try sent(), nil)
    }
    return try choose(
      SharedMemoryReducer.make(layout, ranksPerNode: ranksPerNode, on: world), training, else: sent,
      on: world)
  }

  private static func choose<Reducer>(
    _ outcome: SharedOutcome<Reducer>, _ training: Experiment.TrainingChoice,
    else messages: () throws -> any GradientReducer,
    on world: borrowing Communicator
  ) throws -> (reducer: any GradientReducer, note: String?) {
    switch outcome {
    case .made(let reducer): return (reducer, nil)
    case .alone: return (try messages(), nil)
    case .refused(let reason):
      if training.exchange == .shared {
        // All ranks know it; the lowest reports it.
        try world.succeedOnAllRanks { () throws -> Void in
          throw RunFailure(
            .usage,
            "training.exchange: gradients cannot be exchanged through shared memory: \(reason); \"auto\" sends messages then"
          )
        }
      }
      return (
        try messages(), "gradients are exchanged by messages, not through shared memory: \(reason)"
      )
    }
  }

  /// The reducer by messages, its gradient whole or divided, at once or in buckets; all ranks
  /// choose the same.
  ///
  /// Measured on two ranks, ms a step, apart from the passes → in buckets during them. Of two hosts
  /// at 1 Gbit/s (the workload gpt-cpu): sharded 98.0 → 78.3, replicated 104.7 → 74.7. Of one node
  /// (at another time): sharded 49.4 → 48.2 and, the workload mlp, 11.4 → 10.6; replicated 50.5 →
  /// 51.1 and 12.2 → 12.4, for there the ranks' own cores carry the bytes.
  private static func messages(
    _ training: Experiment.TrainingChoice, _ layout: TensorLayout, isOneNode: Bool,
    on world: borrowing Communicator
  ) throws(MPIError) -> any GradientReducer {
    let pattern = messagePattern(training, isOneNode: isOneNode)
    if pattern == .replicated || pattern == .replicatedInBuckets {
      return try AllReduceReducer(layout, overlapping: pattern.isEarly, on: world)
    }
    return try ReduceScatterReducer(layout, overlapping: pattern.isEarly, on: world)
  }

  private static func messagePattern(_ training: Experiment.TrainingChoice, isOneNode: Bool)
    -> ExchangePattern
  {
    if training.gradient == .replicated || (training.gradient == .auto && !isOneNode) {
      return training.overlap == .always || (training.overlap == .auto && !isOneNode)
        ? .replicatedInBuckets : .replicated
    }
    return training.overlap != .never ? .shardedInBuckets : .messages
  }

  /// Whether ranks are to share memory where they can.
  private static func mayShare(_ training: Experiment.TrainingChoice) -> Bool {
    training.gradient != .replicated && training.exchange != .messages
  }

  /// What the ranks would do with gradients on hosts placed so.
  public static func pattern(_ training: Experiment.TrainingChoice, on placement: Placement)
    -> ExchangePattern
  {
    if training.reproducible { return .ordered }
    if mayShare(training) && (placement.ranksPerHost ?? 1) > 1 { return .shared }
    return messagePattern(training, isOneNode: placement.hostCount == 1)
  }

  /// The reducer, held back to what it would take between the hosts of a simulation.
  private static func simulated(
    _ real: any GradientReducer, _ simulation: Simulation, _ training: Experiment.TrainingChoice,
    _ layout: TensorLayout,
    on world: borrowing Communicator
  ) throws -> SimulatedNetworkReducer {
    try world.succeedOnAllRanks {
      guard let straggler = simulation.stragglers.first(where: { $0.rank >= world.size }) else {
        return
      }
      throw RunFailure(
        .usage,
        "--simulate: straggler=\(straggler.rank):\(straggler.factor), but there are \(world.size) ranks, from 0"
      )
    }
    let placement = simulation.placement(ranks: world.size)
    let bytes = Double(layout.elementCount * MemoryLayout<Float>.stride)
    let pattern = pattern(training, on: placement)
    guard let step = pattern.step(bytes: bytes, on: placement) else {
      fatalError("the pattern was chosen for the placement")
    }
    return SimulatedNetworkReducer(
      real, reduceSeconds: simulation.seconds(step.reduce),
      allGatherSeconds: simulation.seconds(step.publish), early: pattern.isEarly)
  }
}
