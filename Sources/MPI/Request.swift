import CMPI
import FlightRecorder

/// A collective or a send that was started and must be waited for (`MPI_Request`, MPI 3.1 §3.7 and
/// §5.12). A started receive is a ``ReceiveRequest``.
///
/// ```swift
/// let request = try world.startAllReduce(&span, .sum)
/// computeSomethingElse()
/// try request.wait()
/// ```
///
/// While it lives, the memory it works on is borrowed: writing it (and, where MPI writes it,
/// reading it) does not compile, nor does waiting twice or letting the request outlive the memory.
/// A request that is dropped without ``wait()`` traps, because MPI would go on working on freed
/// memory. An error thrown past a request drops it too, and is lost to the trap's message: what can
/// fail comes before the start or after the wait. Swift 6.3 does not see an escape through an
/// optional variable or an `inout` parameter (nor does it of a `MutableSpan`): keep to `let`. MPI
/// makes progress only inside MPI calls: call ``test()`` now and then during long computations.
@safe
public struct Request: ~Copyable, ~Escapable {
  @usableFromInline var operation: StartedOperation

  /// The caller ties it to the memory by the lifetime of the method it returns from.
  @inlinable
  @_lifetime(immortal)
  init(_ request: cmpi_request_slot, _ started: StartedFlight) {
    operation = StartedOperation(request, started)
  }

  /// Returns when the operation is complete here and the memory may be touched again (MPI_Wait,
  /// MPI 3.1 §3.7.3): a collective has its result, a send has left `values`, whether or not it has
  /// arrived.
  ///
  /// Local; the messages are the operation's. Throws ``MPIError`` where the operation failed.
  public consuming func wait() throws(MPIError) {
    var operation = operation
    discard self
    try operation.wait(cmpi_status_ignore())
  }

  /// Lets MPI make progress and returns whether the operation is over (MPI_Test, MPI 3.1 §3.7.3);
  /// ``wait()`` then returns or throws at once.
  ///
  /// Local. Throws nothing: a failure is ``wait()``'s to throw.
  public mutating func test() -> Bool { operation.test(cmpi_status_ignore()) }

  deinit { trapDroppedRequest() }
}

/// What a request of either kind has under way. It owns nothing: the request around it sees to the
/// memory and to the wait.
@usableFromInline
struct StartedOperation {
  @usableFromInline var request: cmpi_request_slot
  @usableFromInline let started: StartedFlight
  /// What a test met, for the wait to throw: an error thrown while the request lives would drop it.
  @usableFromInline var failure: Int32

  @inlinable
  init(_ request: cmpi_request_slot, _ started: StartedFlight) {
    self.request = request
    self.started = started
    failure = MPI_SUCCESS
  }

  /// Waits, and stores what MPI says of the message.
  mutating func wait(_ status: UnsafeMutablePointer<MPI_Status>?) throws(MPIError) {
    if failure != MPI_SUCCESS { throw MPIError(call: "MPI_Test", code: failure) }
    try check(started.waiting { MPI_Wait(&request.handle, status) }, "MPI_Wait")
  }

  /// Tests, and stores what MPI says of the message when it is over.
  mutating func test(_ status: UnsafeMutablePointer<MPI_Status>?) -> Bool {
    if failure != MPI_SUCCESS { return true }
    var complete: Int32 = 0
    failure = MPI_Test(&request.handle, &complete, status)
    return complete != 0 || failure != MPI_SUCCESS
  }
}

/// Ends the process for a request that was not waited for. A function of its own, because a call
/// that never returns directly in a `deinit` warns.
func trapDroppedRequest() {
  fatalError("an MPI request was dropped before it was waited for: call wait() on every Request")
}
