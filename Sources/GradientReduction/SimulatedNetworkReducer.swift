import MPI
import Scaling
import Vectors

/// An exchange that takes as long as it would between the hosts of a ``Scaling/Simulation``, and
/// does what the one within does, to the bit.
///
/// A half of the exchange starts together, at a barrier, or, where the simulated hosts send their
/// gradient during the backward pass, with its first piece. It runs for real and is then held back
/// until the modelled time is over. Where the machine itself took longer nothing can be held back:
/// ``overruns`` counts it.
public final class SimulatedNetworkReducer: GradientReducer {
  private let real: any GradientReducer
  /// Seconds that the two halves take.
  private let reduceTime: Double
  private let publishTime: Double
  /// Whether the simulated hosts send while the backward pass goes on, and since when they do in
  /// this step.
  private let isEarly: Bool
  private var departure: UInt64?
  /// How many of the `halves` so far took longer for real than between the simulated hosts.
  public private(set) var overruns = 0
  public private(set) var halves = 0

  public init(
    _ real: any GradientReducer, reduceSeconds: Double, publishSeconds: Double, startsEarly: Bool
  ) {
    (self.real, isEarly) = (real, startsEarly)
    (reduceTime, publishTime) = (reduceSeconds, publishSeconds)
  }

  public var owned: Range<Int> { real.owned }
  public var ownedParts: [TensorLayout.Part] { real.ownedParts }
  public var updated: Range<Int> { real.updated }
  public var takesMicroBatches: Bool { real.takesMicroBatches }
  public var sharesWeights: Bool { real.sharesWeights }

  public func prepare(for shares: [Range<Int>], on world: borrowing Communicator) throws {
    try real.prepare(for: shares, on: world)
  }
  public var startsEarly: Bool { isEarly || real.startsEarly }

  public func start(_ gradient: inout FlatVector, from position: Int) {
    if isEarly && departure == nil { departure = monotonicNanoseconds() }
    if real.startsEarly { real.start(&gradient, from: position) }
  }

  public func poll() { real.poll() }

  public func add(_ gradient: inout FlatVector, microBatch: Int) {
    real.add(&gradient, microBatch: microBatch)
  }

  public func reduce(
    _ gradient: inout FlatVector, shares: [Range<Int>], on world: borrowing Communicator
  ) throws(MPIError) -> [Double]? {
    var start = try begin(on: world)
    if let departure { start = departure }
    departure = nil
    let squares = try real.reduce(&gradient, shares: shares, on: world)
    hold(from: start, seconds: reduceTime)
    return squares
  }

  public func publish(_ weights: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError)
  {
    let start = try begin(on: world)
    try real.publish(&weights, on: world)
    hold(from: start, seconds: publishTime)
  }

  public func makeWeights(on world: borrowing Communicator) throws -> FlatVector {
    try real.makeWeights(on: world)
  }
  public func makeGradient(on world: borrowing Communicator) throws -> FlatVector {
    try real.makeGradient(on: world)
  }

  public func fill(
    _ weights: inout FlatVector, on world: borrowing Communicator,
    with body: (inout FlatVector) throws -> Void
  ) throws {
    try real.fill(&weights, on: world, with: body)
  }

  public func broadcast(
    _ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator
  ) throws(MPIError) {
    try real.broadcast(values, into: &weights, on: world)
  }

  private func begin(on world: borrowing Communicator) throws(MPIError) -> UInt64 {
    try world.barrier()
    return monotonicNanoseconds()
  }

  private func hold(from start: UInt64, seconds: Double) {
    halves += 1
    if !wait(until: start + UInt64(seconds * 1e9)) { overruns += 1 }
  }
}
