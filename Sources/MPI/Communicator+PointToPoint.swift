import CMPI
import FlightRecorder

// Messages from one rank to another, in calls that return when they are done (MPI 3.1, sections
// 3.2, 3.8 and 3.10). The flight recorder counts them as work done, not as collectives: those are
// numbered the same on all ranks, and these are not.
extension Communicator {
  /// Sends elements to a rank, and returns when `values` may be written again (MPI_Send, MPI 3.1
  /// §3.2.1).
  ///
  /// ```swift
  /// var values = [Float](repeating: Float(world.rank), count: 3)
  /// if world.rank == 0 { try world.send(values.span, to: 1, tag: 7) }
  /// if world.rank == 1 { var span = values.mutableSpan; try world.receive(&span, from: 0, tag: 7) }
  /// ```
  ///
  /// One message. Called by the sender alone, for one receive. Short messages leave at once; a long
  /// one waits until its receiver asks for it, so two ranks that both send first can wait for ever:
  /// use ``sendReceive(_:to:tag:into:from:tag:)`` or ``startSend(_:to:tag:)``. Throws ``MPIError``
  /// for more than `Int32.max` elements, a rank outside the communicator, and a negative tag.
  @inlinable
  public borrowing func send<Element: Datatype>(
    _ values: Span<Element>, to destination: Int, tag: Int
  ) throws(MPIError) {
    let count = try mpiCount(values.count, "send")
    let (receiver, label) = (try mpiRank(destination, "send"), try mpiTag(sent: tag, "send"))
    let comm = handle
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try checkMessage(
        MPI_Send(source.baseAddress, count, Element.mpiDatatype, receiver, label, comm), "MPI_Send")
    }
  }

  /// Sends one value to a rank (MPI_Send, MPI 3.1 §3.2.1).
  ///
  /// One message of one element. Called by the sender alone. Throws ``MPIError`` for a rank outside
  /// the communicator and a negative tag.
  @inlinable
  public borrowing func send<Element: Datatype>(
    _ value: Element, to destination: Int, tag: Int
  ) throws(MPIError) {
    let (receiver, label) = (try mpiRank(destination, "send"), try mpiTag(sent: tag, "send"))
    let comm = handle
    try withUnsafePointer(to: value) { (source) throws(MPIError) in
      try checkMessage(
        MPI_Send(source, 1, Element.mpiDatatype, receiver, label, comm), "MPI_Send")
    }
  }

  /// Waits for a message and writes its elements to the start of `values` (MPI_Recv, MPI 3.1
  /// §3.2.4, as MPI_Mprobe and MPI_Mrecv). Returns who sent it, under which tag, and how many
  /// elements there were.
  ///
  /// ```swift
  /// let status = try world.receive(&span, from: .any, tag: 7)
  /// print("\(status.count) elements from rank \(status.source)")
  /// ```
  ///
  /// Elements past the message's keep their values. Called by the receiver alone, for one send.
  /// Throws ``MPIError`` for a message longer than `values` (``MPIError/isTruncation``) and one that
  /// is no whole number of elements, of which nothing is written; for a buffer of more than
  /// `Int32.max` elements, a rank outside the communicator, and a negative tag.
  @inlinable
  @discardableResult
  public borrowing func receive<Element: Datatype>(
    _ values: inout MutableSpan<Element>, from source: some MessageSource, tag: some MessageTag
  ) throws(MPIError) -> MessageStatus {
    _ = try mpiCount(values.count, "receive")
    let (sender, label) = (try mpiSource(source, "receive"), try mpiTag(tag, "receive"))
    var message = try MatchedMessage(sender, label, handle, of: Element.mpiDatatype, "receive")
    try values.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
      try message.receive(into: target, "receive")
    }
    return message.status
  }

  /// Waits for a message of one element, and replaces `value` by it (MPI_Recv, MPI 3.1 §3.2.4).
  ///
  /// Called by the receiver alone. Throws ``MPIError`` for a longer message
  /// (``MPIError/isTruncation``) and an empty one, a rank outside the communicator, and a negative
  /// tag.
  @inlinable
  @discardableResult
  public borrowing func receive<Element: Datatype>(
    _ value: inout Element, from source: some MessageSource, tag: some MessageTag
  ) throws(MPIError) -> MessageStatus {
    let (sender, label) = (try mpiSource(source, "receive"), try mpiTag(tag, "receive"))
    var message = try MatchedMessage(sender, label, handle, of: Element.mpiDatatype, "receive")
    try withUnsafeMutablePointer(to: &value) { (target) throws(MPIError) in
      try message.receive(
        into: UnsafeMutableBufferPointer(start: target, count: 1), "receive")
    }
    let status = message.status
    try require(
      status.count == 1, "receive", "an empty message of rank \(status.source) for one element")
    return status
  }

  /// Waits for a message of any length and returns its elements (MPI_Mprobe and MPI_Mrecv, MPI 3.1
  /// §3.8.2 and §3.8.3).
  ///
  /// ```swift
  /// let (values, status) = try world.receiveArray(of: Float.self, from: .any, tag: 7)
  /// ```
  ///
  /// Called by the receiver alone, for one send. Throws ``MPIError`` for a message that is no whole
  /// number of elements, a rank outside the communicator, and a negative tag.
  @inlinable
  public borrowing func receiveArray<Element: Datatype>(
    of type: Element.Type, from source: some MessageSource, tag: some MessageTag
  ) throws(MPIError) -> (values: [Element], status: MessageStatus) {
    let (sender, label) = (try mpiSource(source, "receiveArray"), try mpiTag(tag, "receiveArray"))
    var message = try MatchedMessage(
      sender, label, handle, of: Element.mpiDatatype, "receiveArray")
    let values: [Element] = try filled(message.status.count) { (target) throws(MPIError) in
      try message.receive(into: target, "receiveArray")
    }
    return (values, message.status)
  }

  /// Sends elements to one rank while it receives from another, which may be the same
  /// (MPI_Sendrecv, MPI 3.1 §3.10, as MPI_Isend, MPI_Mprobe, MPI_Mrecv and MPI_Wait). Returns who
  /// sent what was received, under which tag, and how many elements there were.
  ///
  /// ```swift
  /// let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
  /// try world.sendReceive(mine.span, to: next, tag: 1, into: &theirs, from: previous, tag: 1)
  /// ```
  ///
  /// Two messages, one each way; whatever their lengths, ranks that all call it in a ring never
  /// wait for one another for ever. It meets `send` and `receive` of others as well. Called by each
  /// rank that takes part. Throws what `send` and `receive` throw.
  @inlinable
  @discardableResult
  public borrowing func sendReceive<Element: Datatype, Received: Datatype>(
    _ values: Span<Element>, to destination: Int, tag sentTag: Int,
    into result: inout MutableSpan<Received>, from source: some MessageSource,
    tag receivedTag: some MessageTag
  ) throws(MPIError) -> MessageStatus {
    let call: StaticString = "sendReceive"
    let (sent, _) = (try mpiCount(values.count, call), try mpiCount(result.count, call))
    let (receiver, sentLabel) = (try mpiRank(destination, call), try mpiTag(sent: sentTag, call))
    let (sender, label) = (try mpiSource(source, call), try mpiTag(receivedTag, call))
    let comm = handle
    return try values.withUnsafeBufferPointer { (given) throws(MPIError) -> MessageStatus in
      try result.withUnsafeMutableBufferPointer { (target) throws(MPIError) -> MessageStatus in
        var request = cmpi_request_slot()
        try checkMessage(
          MPI_Isend(
            given.baseAddress, sent, Element.mpiDatatype, receiver, sentLabel, comm,
            &request.handle), "MPI_Isend")
        var failure: MPIError?
        var status: MessageStatus?
        do throws(MPIError) {
          var message = try MatchedMessage(sender, label, comm, of: Received.mpiDatatype, call)
          try message.receive(into: target, call)
          status = message.status
        } catch { failure = error }
        // What is being sent is borrowed no longer than this call, however the receive ended.
        try checkMessage(MPI_Wait(&request.handle, cmpi_status_ignore()), "MPI_Wait")
        if let failure { throw failure }
        return status!
      }
    }
  }
}

/// Turns the return code of a call that moves a message into an error, and notes that work was
/// done.
@inlinable @inline(__always)
func checkMessage(_ code: Int32, _ call: StaticString) throws(MPIError) {
  try check(code, call)
  FlightRecorder.advance()
}
