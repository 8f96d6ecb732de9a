import GradientReduction
import Recording

/// Adds up the seconds of a step by what they were spent on.
struct PhaseClock {
  private(set) var seconds = PhaseTimes()
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
    seconds[phase] += Double(now - last) * 1e-9
    last = now
  }

  /// Books time of the last computation under the exchange, which it was spent on.
  mutating func moveToReduce(_ spent: Double) {
    seconds[.compute] -= spent
    seconds[.reduce] += spent
  }

  /// From the start to the last mark.
  var total: Double { Double(last - start) * 1e-9 }
}
