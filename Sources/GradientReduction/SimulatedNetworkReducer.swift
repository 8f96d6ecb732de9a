import MPI
import Scaling
import Vectors

/// A reducer that takes as long as it would between the hosts of a ``Scaling/Simulation``, and does
/// what the one within does, to the bit.
///
/// A half of a step's messages, the gradients' and the weights', starts together, at a barrier, or,
/// where the simulated hosts send their gradient during the backward pass, with its first piece. It
/// runs for real and is then held back until the modelled time is over. Where the machine itself
/// took longer nothing can be held back: ``overruns`` counts it.
public final class SimulatedNetworkReducer: GradientReducer {
  private let real: any GradientReducer
  private let pace: Pace
  /// Seconds that the two halves take.
  private let reduceTime: Double
  private let gatherTime: Double
  /// Whether the simulated hosts send while the backward pass goes on, and since when they do in
  /// this step.
  private let isEarly: Bool
  private var departure: UInt64?

  /// `early` says that the simulated hosts send during the backward pass.
  public init(
    _ real: any GradientReducer, reduceSeconds: Double, allGatherSeconds: Double, early: Bool
  ) {
    (self.real, isEarly, pace) = (real, early, Pace())
    (reduceTime, gatherTime) = (reduceSeconds, allGatherSeconds)
  }

  /// How many of the ``halves`` so far took longer for real than between the simulated hosts.
  public var overruns: Int { pace.overruns }
  public var halves: Int { pace.halves }

  public var partition: ParameterPartition { real.partition }

  public func makeParameters(on world: borrowing Communicator) throws -> Parameters {
    let parameters = try real.makeParameters(on: world)
    parameters.store = SimulatedStore(parameters.store, pace, seconds: gatherTime)
    return parameters
  }

  public func makeGradient(on world: borrowing Communicator) throws -> FlatVector {
    try real.makeGradient(on: world)
  }

  public func begin(_ microBatches: [Range<Int>], on world: borrowing Communicator) throws {
    try real.begin(microBatches, on: world)
  }

  public func accumulate(
    _ microBatch: MicroBatch, into gradient: inout FlatVector, scratch: inout FlatVector?,
    by compute: (_ vector: inout FlatVector, _ adds: Bool) -> Void
  ) {
    real.accumulate(microBatch, into: &gradient, scratch: &scratch, by: compute)
  }

  public func ready(_ gradient: inout FlatVector, from position: Int) -> Bool {
    if isEarly && departure == nil { departure = monotonicNanoseconds() }
    return real.ready(&gradient, from: position)
  }

  public func progress() { real.progress() }

  public func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> [Double]?
  {
    var start = try pace.begin(on: world)
    if let departure { start = departure }
    departure = nil
    let squares = try real.reduce(&gradient, on: world)
    pace.hold(from: start, seconds: reduceTime)
    return squares
  }
}

/// The weights' half.
private final class SimulatedStore: ParameterStore {
  private let real: any ParameterStore
  private let pace: Pace
  private let seconds: Double

  init(_ real: any ParameterStore, _ pace: Pace, seconds: Double) {
    (self.real, self.pace, self.seconds) = (real, pace, seconds)
  }

  func fill(
    _ weights: inout FlatVector, on world: borrowing Communicator,
    with body: (inout FlatVector) throws -> Void
  ) throws {
    try real.fill(&weights, on: world, with: body)
  }

  func broadcast(
    _ values: [Float]?, into weights: inout FlatVector, on world: borrowing Communicator
  ) throws(MPIError) {
    try real.broadcast(values, into: &weights, on: world)
  }

  func restore(_ weights: inout FlatVector, from saved: borrowing FlatVector) {
    real.restore(&weights, from: saved)
  }

  func allGather(_ weights: inout FlatVector, on world: borrowing Communicator) throws(MPIError) {
    let start = try pace.begin(on: world)
    try real.allGather(&weights, on: world)
    pace.hold(from: start, seconds: seconds)
  }
}

/// Holds messages back until their modelled time is over.
private final class Pace {
  private(set) var overruns = 0
  private(set) var halves = 0

  func begin(on world: borrowing Communicator) throws(MPIError) -> UInt64 {
    try world.barrier()
    return monotonicNanoseconds()
  }

  func hold(from start: UInt64, seconds: Double) {
    halves += 1
    if !wait(until: start + UInt64(seconds * 1e9)) { overruns += 1 }
  }
}
