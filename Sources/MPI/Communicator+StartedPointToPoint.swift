import CMPI
import FlightRecorder

// Messages from one rank to another that are started here and finished by waiting (MPI 3.1, section
// 3.7.2).
extension Communicator {
  /// Starts sending elements to a rank (MPI_Isend, MPI 3.1 §3.7.2).
  ///
  /// ```swift
  /// let request = try world.startSend(values.span, to: 1, tag: 7)
  /// computeSomethingElse()
  /// try request.wait()
  /// ```
  ///
  /// One message. Called by the sender alone, for one receive. Until the wait `values` may be read
  /// but not written, nor go away. Throws ``MPIError`` for more than `Int32.max` elements, a rank
  /// outside the communicator, and a negative tag.
  @inlinable
  @_lifetime(copy values)
  public borrowing func startSend<Element: Datatype>(
    _ values: Span<Element>, to destination: Int, tag: Int
  ) throws(MPIError) -> Request {
    let count = try mpiCount(values.count, "startSend")
    let (receiver, label) = (
      try mpiRank(destination, "startSend"), try mpiTag(sent: tag, "startSend")
    )
    let comm = handle
    var request = cmpi_request_slot()
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try checkMessage(
        MPI_Isend(
          source.baseAddress, count, Element.mpiDatatype, receiver, label, comm, &request.handle),
        "MPI_Isend")
    }
    return _overrideLifetime(Request(request, .unrecorded), copying: values)
  }

  /// Starts receiving a message into the start of `values` (MPI_Irecv, MPI 3.1 §3.7.2).
  ///
  /// ```swift
  /// let request = try world.startReceive(&span, from: .any, tag: 7)
  /// computeSomethingElse()
  /// let status = try request.wait()
  /// ```
  ///
  /// Called by the receiver alone, for one send. A long message costs a copy that `receive` saves:
  /// it is taken piece by piece, so that one that is too long cannot write past `values`. Until the wait `values` may be neither read nor
  /// written, nor go away. Throws ``MPIError`` for a buffer of more than `Int32.max` elements, a
  /// rank outside the communicator, and a negative tag; the wait throws for a message that is too
  /// long.
  @inlinable
  @_lifetime(&values)
  public borrowing func startReceive<Element: Datatype>(
    _ values: inout MutableSpan<Element>, from source: some MessageSource, tag: some MessageTag
  ) throws(MPIError) -> ReceiveRequest {
    let count = try mpiCount(values.count, "startReceive")
    let (sender, label) = (try mpiSource(source, "startReceive"), try mpiTag(tag, "startReceive"))
    let comm = handle
    var request = cmpi_request_slot()
    try values.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
      let bounded = try boundedDatatype(target.baseAddress, count, of: Element.mpiDatatype)
      var datatype = bounded.datatype
      try checkMessage(
        MPI_Irecv(bounded.buffer, 1, datatype.handle, sender, label, comm, &request.handle),
        "MPI_Irecv")
      // The receive keeps it for as long as it needs it.
      try check(MPI_Type_free(&datatype.handle), "MPI_Type_free")
    }
    return _overrideLifetime(
      ReceiveRequest(request, of: Element.mpiDatatype, room: Int(count)), mutating: &values)
  }
}
