import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Models
import Reports
import Scaling
import Vectors

/// Times the exchange of an experiment's gradients by itself, at its model's size or at others.
/// Collective.
public struct ExchangeTimer {
  private let experiment: Experiment
  private let simulation: Simulation?
  /// How long a size may take, and how often it is timed at most.
  private let budget: Double
  private static let most = 200

  /// `budget` is in seconds a size.
  public init(_ options: RunOptions, budget: Double, on world: borrowing Communicator) throws {
    // The file need only be on the first host.
    let isFirst = world.rank == 0
    let text = try world.broadcast(
      try world.succeedOnAllRanks { isFirst ? try Experiment.text(of: options.experiment) : "" })
    experiment = try world.succeedOnAllRanks {
      try Experiment(
        text: text, source: options.experiment, overrides: options.overrides,
        registry: options.registry)
    }
    simulation = options.simulation
    self.budget = budget
  }

  /// Times each size in bytes, 0 standing for the model's own; the result is at rank 0.
  public func measure(_ sizes: [Int], on world: borrowing Communicator) throws -> ExchangeTimes? {
    var hosts = try world.allGatherTexts(hostName())
    if let simulation {
      hosts = simulation.placement(ranks: world.size).hosts.map { "simulated-\($0)" }
    }
    let layouts = try sizes.map { size in
      guard size == 0 else { return Self.layout(bytes: size) }
      let data = try TrainingData(experiment.data, seed: experiment.seed, on: world)
      return try experiment.model.recipe.model(for: data.train.shape, seed: UInt64(experiment.seed))
        .layout
    }
    var pattern = ExchangePattern.messages
    var timed: [ExchangeTimes.Size] = []
    for layout in layouts { timed.append(try time(layout, pattern: &pattern, on: world)) }
    return world.rank == 0
      ? ExchangeTimes(hosts: hosts, pattern: pattern.rawValue, sizes: timed) : nil
  }

  private func time(
    _ layout: TensorLayout, pattern: inout ExchangePattern, on world: borrowing Communicator
  ) throws -> ExchangeTimes.Size {
    let shares = (0..<world.size).map { $0..<($0 + 1) }
    var exchange = try Trainer.exchange(
      experiment.training, layout, shares: shares, ranksPerNode: nil, on: world
    ).exchange
    // What was asked for may not be what could be made.
    pattern =
      switch exchange {
      case is SharedMemoryReducer: .shared
      case is DeterministicReducer, is SharedDeterministicReducer: .ordered
      case is AllReduceReducer: exchange.startsEarly ? .replicatedInBuckets : .replicated
      default: exchange.startsEarly ? .shardedInBuckets : .messages
      }
    if let simulation {
      pattern = Trainer.pattern(experiment.training, on: simulation.placement(ranks: world.size))
      exchange = try Trainer.simulated(exchange, simulation, experiment.training, layout, on: world)
    }
    var weights = try exchange.makeWeights(on: world)
    var gradient = try exchange.makeGradient(on: world)
    let ledgers = try LedgerReduction(experiment.ledgerLayout(tensorCount: layout.segments.count))
    var ledger = NormLedger(
      experiment.ledgerLayout(tensorCount: layout.segments.count), rank: world.rank)

    try exchange.prepare(for: shares, on: world)

    func once() throws -> Double {
      try world.barrier()
      let start = monotonicNanoseconds()
      if exchange.takesMicroBatches { exchange.add(&gradient, microBatch: world.rank) }
      _ = try exchange.reduce(&gradient, shares: shares, on: world)
      try ledgers.reduce(&ledger, on: world)
      try exchange.publish(&weights, on: world)
      return Double(monotonicNanoseconds() - start) * 1e-9
    }
    // The first one also opens connections and touches pages.
    _ = try once()
    let first = try world.allReduce(try once(), .maximum)
    let repeats = max(3, min(Self.most, Int(budget / max(first, 1e-6))))
    var seconds: [Double] = []
    for _ in 0..<repeats { seconds.append(try once()) }
    var slowest = seconds.mutableSpan
    try world.allReduce(&slowest, .maximum)
    return ExchangeTimes.Size(
      bytes: layout.elementCount * MemoryLayout<Float>.stride, ledgerBytes: ledger.record.count * 8,
      seconds: seconds)
  }

  /// One tensor of rows that can be divided anywhere.
  private static func layout(bytes: Int) -> TensorLayout {
    var layout = TensorLayout()
    layout.add("gradient", shape: [max(1, bytes / 4 / 16), 16])
    return layout
  }
}
