import GradientReduction
import Models
import Vectors

/// Sends a gradient off piece by piece while the model's backward pass goes on, and notes how much
/// of that pass's time it takes.
final class BackwardOverlap {
  private let exchange: any GradientReducer
  /// What the exchange took of the pass since this was last asked for.
  private var nanoseconds: UInt64 = 0
  private var lastPoll: UInt64 = 0
  private var profile: StepProfile?

  /// The least time between two polls: between hosts one takes 1 to 2 µs, and in this time a link
  /// of 10 Gbit/s carries 64 KB, what MPI sends without asking.
  private static let pause: UInt64 = 50_000

  init(_ exchange: any GradientReducer) { self.exchange = exchange }

  /// Runs a pass during which tensors leave.
  func during<Result>(notingIn profile: StepProfile?, _ pass: () -> Result) -> Result {
    self.profile = profile
    defer { self.profile = nil }
    return polling(poll, during: pass)
  }

  /// The gradient is complete from a tensor on.
  func finished(_ tensor: Int, _ gradient: inout FlatVector) {
    let start = monotonicNanoseconds()
    exchange.start(&gradient, from: gradient.layout.segments[tensor].range.lowerBound)
    note(from: start)
  }

  /// The seconds that were spent on messages since this was last asked.
  func takeSeconds() -> Double {
    defer { nanoseconds = 0 }
    return Double(nanoseconds) * 1e-9
  }

  private func poll() {
    let start = monotonicNanoseconds()
    guard start - lastPoll >= Self.pause else { return }
    exchange.poll()
    note(from: start)
  }

  private func note(from start: UInt64) {
    lastPoll = monotonicNanoseconds()
    nanoseconds += lastPoll - start
    profile?.note(.messages, from: start, to: lastPoll)
  }
}
