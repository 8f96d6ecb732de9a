import GradientReduction
import Models
import Vectors

/// Lets messages move while a model computes, and notes how much of a pass's time they take: the
/// weights arrive that the forward pass needs, a gradient leaves piece by piece while the backward
/// pass goes on.
final class MessageOverlap: ProgressHook {
  private let reducer: any GradientReducer
  private let parameters: Parameters
  private let observers: StepObservers
  /// Whether any of the gradient is under way.
  private var isUnderWay = false
  /// What messages took of the pass since this was last asked for.
  private var nanoseconds: UInt64 = 0
  private var lastProgress: UInt64 = 0

  /// The least time between two calls: between hosts one takes 1 to 2 µs, and in this time a link
  /// of 10 Gbit/s carries 64 KB, what MPI sends without asking.
  private static let pause: UInt64 = 50_000

  init(_ reducer: any GradientReducer, _ parameters: Parameters, _ observers: StepObservers) {
    (self.reducer, self.parameters, self.observers) = (reducer, parameters, observers)
  }

  func weightsNeeded(before position: Int) {
    guard parameters.isGathering else { return }
    let start = monotonicNanoseconds()
    parameters.advance(waitingBefore: position)
    note(from: start)
  }

  /// The gradient is complete from a tensor on.
  func finished(_ tensor: Int, _ gradient: inout FlatVector) {
    let start = monotonicNanoseconds()
    isUnderWay = reducer.ready(
      &gradient, from: gradient.layout.segments[tensor].range.lowerBound)
    if isUnderWay { note(from: start) }
  }

  func productDone() {
    guard isUnderWay || parameters.isGathering else { return }
    let start = monotonicNanoseconds()
    guard start - lastProgress >= Self.pause else { return }
    parameters.advance()
    if isUnderWay { reducer.progress() }
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
