import CFlightRecorder

/// What this process notes for those who ask why a job does not go on: collectives, work done,
/// phase. Without `begin` nothing is.
///
/// Noting costs two readings of the clock a collective. One thread calls collectives; any may call
/// ``advance()``.
public enum FlightRecorder {
  /// Whether this process keeps a record.
  @inlinable public static var isOn: Bool { cfr_own() != nil }

  /// Notes that some work was done. About 5 ns.
  @inlinable public static func advance() { cfr_advance() }

  /// Notes what the rank is doing from now on.
  @inlinable public static func enter(_ phase: FlightPhase) { cfr_set_phase(phase.rawValue) }

  /// Notes what the rank is doing while `body` runs, and afterwards what it did before.
  @inlinable public static func during<Result>(_ phase: FlightPhase, _ body: () throws -> Result)
    rethrows -> Result
  {
    let before = cfr_own()?.pointee.phase ?? 0
    cfr_set_phase(phase.rawValue)
    defer { cfr_set_phase(before) }
    return try body()
  }

  /// Notes this process's place in the world, which MPI knows.
  public static func join(rank: Int, size: Int) { cfr_set_world(UInt32(rank), UInt32(size)) }

  /// Notes the step that is being made, from 1.
  @inlinable public static func begin(step: Int) { cfr_set_step(UInt64(step)) }
}

/// A communicator's place in the record; collectives in it are counted apart from those in others.
@frozen
public struct FlightGroup: Sendable {
  @usableFromInline let place: Int32

  @usableFromInline init(place: Int32) { self.place = place }

  /// The world, which is there from the start.
  public static var world: FlightGroup { FlightGroup(place: FlightRecorder.isOn ? 0 : -1) }

  /// The place of a communicator whose collectives are not noted.
  public static var unrecorded: FlightGroup { FlightGroup(place: -1) }

  /// Whether its collectives are noted.
  public var isRecorded: Bool { place >= 0 }

  /// The group of a communicator that was made from this one's; `first` is the number in the world
  /// of its first rank. All ranks of this group call it, whatever part they get.
  public func child(first: Int, size: Int) -> FlightGroup {
    FlightGroup(place: place < 0 ? -1 : cfr_add_group(place, UInt32(first), UInt32(size)))
  }

  /// The communicator is no more.
  public func remove() { cfr_remove_group(place) }

  /// Notes that this rank is in a collective while `body` runs.
  @inlinable @inline(__always)
  public func during<Result>(_ kind: CollectiveKind, bytes: Int, _ body: () -> Result) -> Result {
    let number = cfr_enter(kind.rawValue, place, UInt64(bytes))
    let result = body()
    cfr_leave(number)
    return result
  }

  /// Notes that a collective was started that this rank will wait for.
  @inlinable
  public func start(_ kind: CollectiveKind, bytes: Int) -> StartedFlight {
    StartedFlight(number: cfr_start(kind.rawValue, place, UInt64(bytes)))
  }
}

/// A started collective in the record.
@frozen
public struct StartedFlight: Sendable {
  @usableFromInline let number: UInt64

  @inlinable init(number: UInt64) { self.number = number }

  /// What is waited for without being noted.
  @inlinable public static var unrecorded: StartedFlight { StartedFlight(number: 0) }

  /// Notes that this rank waits for its end while `body` runs.
  @inlinable @inline(__always)
  public func waiting<Result>(_ body: () -> Result) -> Result {
    cfr_wait(number)
    let result = body()
    cfr_leave(number)
    return result
  }

  /// Notes that it ended without a wait.
  @inlinable public func end() { cfr_leave(number) }
}
