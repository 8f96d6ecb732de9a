import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Models
import Recording
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
    let reducer = try Trainer.makeReducer(
      experiment.training, layout, microBatches: shares, simulation, on: world
    ).reducer
    if let simulation {
      pattern = Trainer.pattern(experiment.training, on: simulation.placement(ranks: world.size))
    } else {
      // What was asked for may not be what could be made.
      pattern =
        switch reducer {
        case is SharedMemoryReducer: .shared
        case is DeterministicReducer, is SharedDeterministicReducer: .ordered
        case let all as AllReduceReducer: all.overlaps ? .replicatedInBuckets : .replicated
        case let shards as ReduceScatterReducer: shards.overlaps ? .shardedInBuckets : .messages
        default: fatalError("a reducer that none of the patterns describes")
        }
    }
    let parameters = try reducer.makeParameters(on: world)
    var gradient = try reducer.makeGradient(on: world)
    var scratch: FlatVector?
    let ledgerLayout = TrainerSettings(experiment).ledgerLayout(
      tensorCount: layout.segments.count)
    var ledgers = try LedgerReduction(ledgerLayout)
    var ledger = NormLedger(ledgerLayout, rank: world.rank)
    let microBatch = MicroBatch(number: world.rank, isFirst: true, isApart: true)

    try reducer.begin(shares, on: world)

    func once() throws -> Double {
      try world.barrier()
      let start = monotonicNanoseconds()
      reducer.accumulate(microBatch, into: &gradient, scratch: &scratch) { _, _ in }
      _ = try reducer.reduce(&gradient, on: world)
      try ledgers.reduceStep(&ledger, on: world)
      try parameters.allGather(on: world)
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
      bytes: layout.elementCount * MemoryLayout<Float>.stride, ledgerBytes: ledgers.stepBytes,
      seconds: seconds)
  }

  /// One tensor of rows that can be divided anywhere.
  private static func layout(bytes: Int) -> TensorLayout {
    var layout = TensorLayout()
    layout.add("gradient", shape: [max(1, bytes / 4 / 16), 16])
    return layout
  }
}
