import CMPI
import FlightRecorder

/// A receive that was started and must be waited for (`MPI_Request`, MPI 3.1 §3.7).
///
/// A ``Request`` whose ``wait()`` says what came: the same rules hold. Its memory is neither read
/// nor written while it lives, and dropping it traps.
@safe
public struct ReceiveRequest: ~Copyable, ~Escapable {
  @usableFromInline var operation: StartedOperation
  @usableFromInline let datatype: MPI_Datatype
  /// How many elements the buffer has.
  @usableFromInline let room: Int
  /// What ``test()`` learned when the message had come: MPI says it once.
  @usableFromInline var status: MPI_Status?

  @inlinable
  @_lifetime(immortal)
  init(_ request: cmpi_request_slot, of datatype: MPI_Datatype, room: Int) {
    operation = StartedOperation(request, .unrecorded)
    self.datatype = datatype
    self.room = room
    status = nil
  }

  /// Returns when the message has been received and the memory may be touched again (MPI_Wait, MPI
  /// 3.1 §3.7.3), with who sent it, under which tag, and how many elements there were.
  ///
  /// Local. Throws ``MPIError`` for a message longer than the buffer (``MPIError/isTruncation``;
  /// nothing is written past its end) and for one that is no whole number of elements.
  @discardableResult
  public consuming func wait() throws(MPIError) -> MessageStatus {
    var status = MPI_Status()
    var operation = operation
    let (datatype, room, known) = (datatype, room, self.status)
    discard self
    try operation.wait(&status)
    FlightRecorder.advance()
    status = known ?? status
    var size: Int32 = 0
    try check(MPI_Type_size(datatype, &size), "MPI_Type_size")
    // Longer than the buffer, and short enough for MPI not to say so.
    if messageBytes(status) > room * Int(size) {
      throw MPIError(call: "MPI_Wait", code: MPI_ERR_TRUNCATE)
    }
    return try MessageStatus(status, of: datatype, "wait")
  }

  /// Lets MPI make progress and returns whether the receive is over (MPI_Test, MPI 3.1 §3.7.3);
  /// ``wait()`` then returns or throws at once.
  ///
  /// Local. Throws nothing: a failure is ``wait()``'s to throw.
  public mutating func test() -> Bool {
    if status != nil { return true }
    var status = MPI_Status()
    let isOver = operation.test(&status)
    if isOver { self.status = status }
    return isOver
  }

  deinit { trapDroppedRequest() }
}
