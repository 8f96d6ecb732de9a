import COpenMPI
import FlightRecorder

/// A collective that was started and must be waited for (MPI 3.1, section 5.12).
///
/// While it lives, the memory it works on is borrowed: reading or writing it does not compile, nor
/// does waiting twice or letting the request outlive the memory. A request that is dropped without
/// ``wait()`` traps, because MPI would go on writing into freed memory. An error thrown past a
/// request drops it too, and is lost to the trap's message: what can fail comes before the start or
/// after the wait. Swift 6.3 does not see an escape through an optional variable or an `inout`
/// parameter (nor does it of a `MutableSpan`): keep to `let`. MPI makes progress only inside MPI
/// calls: call ``test()`` now and then during long computations.
@safe
public struct Request: ~Copyable, ~Escapable {
  @usableFromInline var handle: MPI_Request?
  @usableFromInline let started: StartedFlight

  /// The caller ties it to the memory by the lifetime of the method it returns from.
  @inlinable
  @_lifetime(immortal)
  init(_ handle: MPI_Request?, _ started: StartedFlight) {
    self.handle = handle
    self.started = started
  }

  /// Returns when the operation is complete here and the memory may be touched again.
  public consuming func wait() throws(MPIError) {
    var handle = self.handle
    let started = started
    discard self
    try check(started.waiting { MPI_Wait(&handle, cmpi_status_ignore()) }, "MPI_Wait")
  }

  /// Lets MPI make progress and returns whether the operation is complete; ``wait()`` then returns
  /// at once.
  public mutating func test() throws(MPIError) -> Bool {
    var handle = self.handle
    var complete: Int32 = 0
    try check(MPI_Test(&handle, &complete, cmpi_status_ignore()), "MPI_Test")
    self.handle = handle
    return complete != 0
  }

  deinit { trapDroppedRequest() }
}

/// A function of its own, because a call that never returns directly in a `deinit` warns.
private func trapDroppedRequest() {
  fatalError("an MPI request was dropped before it was waited for: call wait() on every Request")
}
