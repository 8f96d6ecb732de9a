import GradientReduction
import Reports

/// Adds up the seconds of a step by what they were spent on.
struct PhaseClock {
  enum Phase { case data, compute, reduce, norm, optimizer }

  private(set) var seconds = PhaseTimes(data: 0, compute: 0, reduce: 0, norm: 0, optimizer: 0)
  private let start: UInt64
  private var last: UInt64
  private let observers: StepObservers

  /// `observers` see the times themselves.
  init(_ observers: StepObservers) {
    self.observers = observers
    start = monotonicNanoseconds()
    last = start
  }

  /// Books the time since the last call under a phase.
  mutating func mark(_ phase: Phase) {
    let now = monotonicNanoseconds()
    for observer in observers.all { observer.spent(on: .phase(phase), from: last, to: now) }
    let spent = Double(now - last) * 1e-9
    last = now
    switch phase {
    case .data: seconds.data += spent
    case .compute: seconds.compute += spent
    case .reduce: seconds.reduce += spent
    case .norm: seconds.norm += spent
    case .optimizer: seconds.optimizer += spent
    }
  }

  /// Books time of the last computation under the exchange, which it was spent on.
  mutating func moveToReduce(_ spent: Double) {
    seconds.compute -= spent
    seconds.reduce += spent
  }

  /// From the first lap to the last.
  var total: Double { Double(last - start) * 1e-9 }
}
