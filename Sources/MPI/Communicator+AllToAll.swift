import CMPI
import FlightRecorder

// Every rank gives every other a piece (MPI 3.1, section 5.8). Data is only moved, never added.
extension Communicator {
  /// Gives rank r the r-th of `size` equal pieces of `values`, and takes one from each rank, in rank
  /// order (MPI_Alltoall, MPI 3.1 §5.8).
  ///
  /// ```swift
  /// var columns = [Float](repeating: 0, count: rows.count)
  /// var span = columns.mutableSpan
  /// try world.allToAll(rows.span, into: &span)
  /// ```
  ///
  /// Collective, with equal lengths on all ranks. One all-to-all: each rank sends all but its own
  /// piece, a message to each other rank when they are long. Throws ``MPIError`` for more than
  /// `Int32.max` elements in all, where the two buffers are of different length, and where that is
  /// no multiple of `size`.
  @inlinable
  public borrowing func allToAll<Element: Datatype>(
    _ values: Span<Element>, into result: inout MutableSpan<Element>
  ) throws(MPIError) {
    let count = try mpiCount(values.count, "allToAll") / Int32(size)
    try require(
      values.count == result.count, "allToAll",
      "\(values.count) elements into a buffer of \(result.count)")
    try require(
      Int(count) * size == values.count, "allToAll",
      "\(values.count) elements for \(size) ranks, which cannot get equally many")
    let (comm, flight) = (handle, flight)
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try result.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try flight.check(
          .allToAll, bytes: source.count * MemoryLayout<Element>.stride,
          MPI_Alltoall(
            source.baseAddress, count, Element.mpiDatatype, target.baseAddress, count,
            Element.mpiDatatype, comm),
          "MPI_Alltoall")
      }
    }
  }

  /// Gives rank r the r-th piece of `values`, `counts[r]` elements long, and takes a piece of
  /// `received[r]` elements from each, in rank order (MPI_Alltoallv, MPI 3.1 §5.8).
  ///
  /// Collective; rank a's `counts[b]` is rank b's `received[a]`. One all-to-all: each rank sends all
  /// but its own piece, a message to each other rank. Throws ``MPIError`` for more than `Int32.max`
  /// elements in all, and for counts that are not one a rank or do not add up to their buffer's
  /// length.
  @inlinable
  public borrowing func allToAll<Element: Datatype>(
    _ values: Span<Element>, counts: [Int], into result: inout MutableSpan<Element>, received: [Int]
  ) throws(MPIError) {
    let sendCounts = try lengths(of: counts, total: values.count, "allToAll")
    let receiveCounts = try lengths(of: received, total: result.count, "allToAll")
    let (sendStarts, receiveStarts) = (
      try mpiStarts(counts, "allToAll"), try mpiStarts(received, "allToAll")
    )
    let (comm, flight) = (handle, flight)
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try result.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try flight.check(
          .allToAll, bytes: source.count * MemoryLayout<Element>.stride,
          MPI_Alltoallv(
            source.baseAddress, sendCounts, sendStarts, Element.mpiDatatype, target.baseAddress,
            receiveCounts, receiveStarts,
            Element.mpiDatatype, comm),
          "MPI_Alltoallv")
      }
    }
  }
}
