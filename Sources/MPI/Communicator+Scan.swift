import CMPI
import FlightRecorder

// Reductions over the ranks up to this one (MPI 3.1, section 5.11).
extension Communicator {
  /// Replaces every element by its reduction over the ranks 0 to this one, in place (MPI_Scan, MPI
  /// 3.1 §5.11.1).
  ///
  /// ```swift
  /// var values = [Int64(world.rank + 1)]
  /// var span = values.mutableSpan
  /// try world.scan(&span, .sum)  // rank r holds 1 + 2 + … + (r + 1)
  /// ```
  ///
  /// Collective, with equal lengths on all ranks. One scan; past 2³⁰ elements one for each 2³⁰ begun,
  /// so any length will do. Open MPI passes one message of `values` from rank to rank. Throws
  /// ``MPIError`` for what MPI reports.
  @inlinable
  public borrowing func scan<Element>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction<Element>
  ) throws(MPIError) {
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try inPieces(buffer.count) { (range) throws(MPIError) in
        try flight.check(
          .scan, bytes: range.count * MemoryLayout<Element>.stride,
          MPI_Scan(
            cmpi_in_place(), buffer.baseAddress! + range.lowerBound, Int32(range.count),
            Element.mpiDatatype, operation, comm),
          "MPI_Scan")
      }
    }
  }

  /// Returns the reduction of one value over the ranks 0 to this one (MPI_Scan, MPI 3.1 §5.11.1).
  ///
  /// Collective: one scan of one element. Throws ``MPIError`` for what MPI reports.
  @inlinable
  public borrowing func scan<Element: Datatype>(
    _ value: Element, _ reduction: Reduction<Element>
  ) throws(MPIError) -> Element {
    var result = value
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try withUnsafeMutablePointer(to: &result) { (pointer) throws(MPIError) in
      try flight.check(
        .scan, bytes: MemoryLayout<Element>.stride,
        MPI_Scan(cmpi_in_place(), pointer, 1, Element.mpiDatatype, operation, comm), "MPI_Scan")
    }
    return result
  }

  /// Reduces every element over the ranks before this one into another buffer of the same length;
  /// at rank 0, which has none before it, `result` keeps what it held (MPI_Exscan, MPI 3.1 §5.11.2).
  ///
  /// Collective, with equal lengths on all ranks; any length, and as many messages as
  /// `scan`. Throws ``MPIError`` where the lengths of the two
  /// buffers differ.
  @inlinable
  public borrowing func exclusiveScan<Element>(
    _ values: Span<Element>, into result: inout MutableSpan<Element>,
    _ reduction: Reduction<Element>
  ) throws(MPIError) {
    try require(
      values.count == result.count, "exclusiveScan",
      "\(values.count) elements into a buffer of \(result.count)")
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try result.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try inPieces(source.count) { (range) throws(MPIError) in
          try flight.check(
            .exclusiveScan, bytes: range.count * MemoryLayout<Element>.stride,
            MPI_Exscan(
              source.baseAddress! + range.lowerBound, target.baseAddress! + range.lowerBound,
              Int32(range.count), Element.mpiDatatype, operation, comm),
            "MPI_Exscan")
        }
      }
    }
  }

  /// Returns the reduction of one value over the ranks before this one; nil at rank 0, which has
  /// none before it (MPI_Exscan, MPI 3.1 §5.11.2).
  ///
  /// ```swift
  /// let start = try world.exclusiveScan(Int64(mine.count), .sum) ?? 0
  /// ```
  ///
  /// Collective: one scan of one element. Throws ``MPIError`` for what MPI reports.
  @inlinable
  public borrowing func exclusiveScan<Element: Datatype>(
    _ value: Element, _ reduction: Reduction<Element>
  ) throws(MPIError) -> Element? {
    var result = value
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try withUnsafePointer(to: value) { (source) throws(MPIError) in
      try withUnsafeMutablePointer(to: &result) { (target) throws(MPIError) in
        try flight.check(
          .exclusiveScan, bytes: MemoryLayout<Element>.stride,
          MPI_Exscan(source, target, 1, Element.mpiDatatype, operation, comm), "MPI_Exscan")
      }
    }
    return rank == 0 ? nil : result
  }
}
