import CMPI
import FlightRecorder

// Collectives that are started here and finished by `Request.wait()` (MPI 3.1, section 5.12). Each
// is limited to 2³¹−1 elements: one request, one call.
extension Communicator {
  /// Starts replacing every element by its reduction over all ranks (MPI_Iallreduce, MPI 3.1
  /// §5.12.8).
  ///
  /// ```swift
  /// let request = try world.startAllReduce(&span, .sum)
  /// computeSomethingElse()
  /// try request.wait()
  /// ```
  ///
  /// Collective: started in the same order on all ranks, waited for in any. Moves what
  /// `allReduce` moves. Throws ``MPIError`` for more than `Int32.max` elements.
  @inlinable
  @_lifetime(&values)
  public borrowing func startAllReduce<Element>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction<Element>
  ) throws(MPIError) -> Request {
    let count = try mpiCount(values.count, "startAllReduce")
    let (comm, operation) = (handle, reduction.handle)
    let started = flight.start(.allReduce, bytes: values.count * MemoryLayout<Element>.stride)
    var request = cmpi_request_slot()
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try check(
        MPI_Iallreduce(
          cmpi_in_place(), buffer.baseAddress, count, Element.mpiDatatype, operation, comm,
          &request.handle), "MPI_Iallreduce")
    }
    return _overrideLifetime(Request(request, started), mutating: &values)
  }

  /// Starts copying `root`'s elements to every rank (MPI_Ibcast, MPI 3.1 §5.12.2).
  ///
  /// Collective: started in the same order on all ranks, waited for in any. Moves what `broadcast`
  /// moves; every rank's `values` is of the same length. Throws ``MPIError`` for more than
  /// `Int32.max` elements and a root outside the communicator.
  @inlinable
  @_lifetime(&values)
  public borrowing func startBroadcast<Element: Datatype>(
    _ values: inout MutableSpan<Element>, from root: Int = 0
  ) throws(MPIError) -> Request {
    let count = try mpiCount(values.count, "startBroadcast")
    let source = try mpiRank(root, "startBroadcast")
    let comm = handle
    let started = flight.start(.broadcast, bytes: values.count * MemoryLayout<Element>.stride)
    var request = cmpi_request_slot()
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try check(
        MPI_Ibcast(buffer.baseAddress, count, Element.mpiDatatype, source, comm, &request.handle),
        "MPI_Ibcast")
    }
    return _overrideLifetime(Request(request, started), mutating: &values)
  }
}
