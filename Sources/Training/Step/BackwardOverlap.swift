import GradientReduction
import Models
import Vectors

/// Sends a gradient off piece by piece while the model's backward pass goes on, and notes how much
/// of that pass's time it takes.
final class BackwardOverlap: ProgressHook {
  private let reducer: any GradientReducer
  private let observers: StepObservers
  /// Whether any of the gradient is under way.
  private var isUnderWay = false
  /// What the reducer took of the pass since this was last asked for.
  private var nanoseconds: UInt64 = 0
  private var lastProgress: UInt64 = 0

  /// The least time between two calls: between hosts one takes 1 to 2 µs, and in this time a link
  /// of 10 Gbit/s carries 64 KB, what MPI sends without asking.
  private static let pause: UInt64 = 50_000

  init(_ reducer: any GradientReducer, _ observers: StepObservers) {
    (self.reducer, self.observers) = (reducer, observers)
  }

  /// The gradient is complete from a tensor on.
  func finished(_ tensor: Int, _ gradient: inout FlatVector) {
    let start = monotonicNanoseconds()
    isUnderWay = reducer.ready(
      &gradient, from: gradient.layout.segments[tensor].range.lowerBound)
    if isUnderWay { note(from: start) }
  }

  func productDone() {
    guard isUnderWay else { return }
    let start = monotonicNanoseconds()
    guard start - lastProgress >= Self.pause else { return }
    reducer.progress()
    note(from: start)
  }

  /// The pass is over: the seconds that it spent on messages.
  func endPass() -> Double {
    defer { (nanoseconds, isUnderWay) = (0, false) }
    return Double(nanoseconds) * 1e-9
  }

  private func note(from start: UInt64) {
    lastProgress = monotonicNanoseconds()
    nanoseconds += lastProgress - start
    for observer in observers.all { observer.spent(on: .messages, from: start, to: lastProgress) }
  }
}
