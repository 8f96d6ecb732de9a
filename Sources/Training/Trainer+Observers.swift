import GradientReduction
import MPI

extension Trainer {
  /// Faults that tests and `lockstep verify` put in; see ``Faults``.
  package var faults: Faults {
    get { injector?.faults ?? Faults() }
    set {
      if let injector {
        injector.faults = newValue
      } else {
        observers.add(FaultInjector(newValue), first: true)
      }
    }
  }

  private var injector: FaultInjector? {
    observers.all.lazy.compactMap { $0 as? FaultInjector }.first
  }

  /// From now on notes each stage of each step in a file. Only in reproducible mode are the notes
  /// comparable.
  func startTrace(path: String, host: String, on world: borrowing Communicator) throws {
    observers.add(
      try StepTracer(
        path: path, rank: world.rank, ranks: world.size, host: host,
        shard: reducer.partition.shard, weights: parameters.weights, step: stepsDone))
  }

  /// Waits until what observers write is in its files.
  func drainObservers() throws { for observer in observers.all { try observer.drain() } }
}
