import CMPI
import FlightRecorder

// Reductions that every rank gets (MPI 3.1, section 5.9.6).
//
// Generic methods are inlinable so that they are specialised where they are called: unspecialised,
// each call costs 100 ns more, a tenth of a small all-reduce between two ranks of a node.
extension Communicator {
  /// Replaces every element by its reduction over all ranks, in place (MPI_Allreduce, MPI 3.1
  /// §5.9.6).
  ///
  /// ```swift
  /// var values: [Float] = [1, 2, 3]
  /// var span = values.mutableSpan
  /// try world.allReduce(&span, .sum)
  /// ```
  ///
  /// Collective, with equal lengths on all ranks. One all-reduce; past 2³⁰ elements one for each 2³⁰
  /// begun, so any length will do. All ranks get the same bits with the algorithms of Open MPI. Each
  /// rank sends about twice its bytes when they are many, log₂ `size` short messages when they are
  /// few. Throws ``MPIError`` for what MPI reports.
  @inlinable
  public borrowing func allReduce<Element>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction<Element>
  ) throws(MPIError) {
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try inPieces(buffer.count) { (range) throws(MPIError) in
        try flight.check(
          .allReduce, bytes: range.count * MemoryLayout<Element>.stride,
          MPI_Allreduce(
            cmpi_in_place(), buffer.baseAddress! + range.lowerBound, Int32(range.count),
            Element.mpiDatatype, operation, comm),
          "MPI_Allreduce")
      }
    }
  }

  /// Reduces every element over all ranks into another buffer of the same length (MPI_Allreduce,
  /// MPI 3.1 §5.9.6).
  ///
  /// Collective, with equal lengths on all ranks; any length, and as many messages as in place.
  /// Throws ``MPIError`` where the lengths of the two buffers differ.
  @inlinable
  public borrowing func allReduce<Element>(
    _ values: Span<Element>, into result: inout MutableSpan<Element>,
    _ reduction: Reduction<Element>
  ) throws(MPIError) {
    try require(
      values.count == result.count, "allReduce",
      "\(values.count) elements into a buffer of \(result.count)")
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try result.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try inPieces(source.count) { (range) throws(MPIError) in
          try flight.check(
            .allReduce, bytes: range.count * MemoryLayout<Element>.stride,
            MPI_Allreduce(
              source.baseAddress! + range.lowerBound, target.baseAddress! + range.lowerBound,
              Int32(range.count), Element.mpiDatatype,
              operation, comm),
            "MPI_Allreduce")
        }
      }
    }
  }

  /// Returns the reduction of one value over all ranks (MPI_Allreduce, MPI 3.1 §5.9.6).
  ///
  /// ```swift
  /// let slowest = try world.allReduce(seconds, .maximum)
  /// ```
  ///
  /// Collective: one all-reduce of one element. Throws ``MPIError`` for what MPI reports.
  @inlinable
  public borrowing func allReduce<Element: Datatype>(
    _ value: Element, _ reduction: Reduction<Element>
  ) throws(MPIError) -> Element {
    var result = value
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try withUnsafeMutablePointer(to: &result) { (pointer) throws(MPIError) in
      try flight.check(
        .allReduce, bytes: MemoryLayout<Element>.stride,
        MPI_Allreduce(cmpi_in_place(), pointer, 1, Element.mpiDatatype, operation, comm),
        "MPI_Allreduce")
    }
    return result
  }
}
