import CMPI
import FlightRecorder

// Handing one rank's elements out, a piece to each (MPI 3.1, section 5.6).
extension Communicator {
  /// Gives rank r the r-th of `size` equal pieces of `root`'s `values` (MPI_Scatter, MPI 3.1 §5.6).
  ///
  /// ```swift
  /// var mine = [Float](repeating: 0, count: 4)
  /// var span = mine.mutableSpan
  /// try world.scatter(values.span, into: &span)  // rank 0 has 4 · size values
  /// ```
  ///
  /// Collective, with `mine` of equal length on all ranks; elsewhere than at `root`, `values` is not
  /// looked at and may be `Span()`. One scatter, in which `root` sends all but its own piece. Throws
  /// ``MPIError`` for more than `Int32.max` elements in all, a root outside the communicator, and
  /// where `root`'s `values` are not `size` times as many as `mine` has room for.
  @inlinable
  public borrowing func scatter<Element: Datatype>(
    _ values: Span<Element>, into mine: inout MutableSpan<Element>, from root: Int = 0
  ) throws(MPIError) {
    let count = try mpiCount(mine.count, "scatter")
    _ = try mpiCount(mine.count * size, "scatter")
    let source = try mpiRank(root, "scatter")
    try require(
      rank != root || values.count == mine.count * size, "scatter",
      "\(values.count) elements in \(size) pieces of \(mine.count)")
    let (comm, flight) = (handle, flight)
    try values.withUnsafeBufferPointer { (given) throws(MPIError) in
      try mine.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try flight.check(
          .scatter, bytes: target.count * MemoryLayout<Element>.stride,
          MPI_Scatter(
            given.baseAddress, count, Element.mpiDatatype, target.baseAddress, count,
            Element.mpiDatatype, source, comm),
          "MPI_Scatter")
      }
    }
  }

  /// Gives rank r the r-th piece, `counts[r]` elements long, of `root`'s `values` (MPI_Scatterv, MPI
  /// 3.1 §5.6).
  ///
  /// Collective; elsewhere than at `root`, `values` and `counts` are not looked at and may be
  /// `Span()` and `[]`. Each rank's `mine` is as long as its piece: MPI reports a piece that is
  /// longer. One scatter, in which `root` sends all but its own piece. Throws ``MPIError`` for more
  /// than `Int32.max` elements in all, a root outside the communicator, counts that are not one a
  /// rank or do not add up to `values.count`, and where `root`'s `mine` is not of its count.
  @inlinable
  public borrowing func scatter<Element: Datatype>(
    _ values: Span<Element>, counts: [Int], into mine: inout MutableSpan<Element>,
    from root: Int = 0
  ) throws(MPIError) {
    let source = try mpiRank(root, "scatter")
    let room = try mpiCount(mine.count, "scatter")
    var (lengths, starts): ([Int32], [Int32]) = ([], [])
    if rank == root {
      lengths = try self.lengths(of: counts, total: values.count, "scatter")
      starts = try mpiStarts(counts, "scatter")
      try require(
        mine.count == counts[rank], "scatter",
        "a buffer of \(mine.count) elements for a piece of \(counts[rank])")
    }
    let (comm, flight) = (handle, flight)
    try values.withUnsafeBufferPointer { (given) throws(MPIError) in
      try mine.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try flight.check(
          .scatter, bytes: target.count * MemoryLayout<Element>.stride,
          MPI_Scatterv(
            given.baseAddress, lengths, starts, Element.mpiDatatype, target.baseAddress, room,
            Element.mpiDatatype, source, comm),
          "MPI_Scatterv")
      }
    }
  }
}
