import FlightRecorder

/// Runs `body`, and calls `poll` after every matrix product and convolution in it: for what must be
/// looked after while a model computes.
///
/// Only the thread that trains may call it.
public func polling<Result>(_ poll: @escaping () -> Void, during body: () throws -> Result) rethrows
  -> Result
{
  BetweenProducts.poll = poll
  defer { BetweenProducts.poll = nil }
  return try body()
}

/// What is to be done between two products: nothing, most of the time.
enum BetweenProducts {
  // One thread trains, and no other computes.
  nonisolated(unsafe) static var poll: (() -> Void)?

  /// A product is done.
  @inline(__always)
  static func reached() {
    FlightRecorder.advance()
    poll?()
  }
}
