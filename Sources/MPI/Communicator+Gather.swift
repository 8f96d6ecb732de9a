import CMPI
import FlightRecorder

// Collecting every rank's elements: on all ranks, or on one (MPI 3.1, sections 5.5 and 5.7).
extension Communicator {
  /// Returns every rank's `values`, which are equally many everywhere, in rank order
  /// (MPI_Allgather, MPI 3.1 §5.7).
  ///
  /// ```swift
  /// let losses: [Double] = try world.allGather([loss].span)
  /// ```
  ///
  /// Collective, with equal lengths on all ranks. One all-gather: each rank receives all others'
  /// bytes. Throws ``MPIError`` for more than `Int32.max` elements in all.
  @inlinable
  public borrowing func allGather<Element: Datatype>(_ values: Span<Element>) throws(MPIError)
    -> [Element]
  {
    let count = try mpiCount(values.count, "allGather")
    _ = try mpiCount(values.count * size, "allGather")
    let (comm, flight) = (handle, flight)
    return try values.withUnsafeBufferPointer { (source) throws(MPIError) -> [Element] in
      try filled(values.count * size) { (target) throws(MPIError) in
        try flight.check(
          .allGather, bytes: target.count * MemoryLayout<Element>.stride,
          MPI_Allgather(
            source.baseAddress, count, Element.mpiDatatype, target.baseAddress, count,
            Element.mpiDatatype, comm),
          "MPI_Allgather")
      }
    }
  }

  /// Fills `values`, made of consecutive pieces of `counts[r]` elements, with every rank's piece;
  /// this rank's is in its place already (MPI_Allgatherv with MPI_IN_PLACE, MPI 3.1 §5.7).
  ///
  /// Collective, with equal `counts` on all ranks. One all-gather: each rank receives all others'
  /// bytes. Throws ``MPIError`` for more than `Int32.max` elements in all, and for counts that are
  /// not one a rank or do not add up to `values.count`.
  @inlinable
  public borrowing func allGather<Element: Datatype>(
    inPlace values: inout MutableSpan<Element>, counts: [Int]
  ) throws(MPIError) {
    let lengths = try lengths(of: counts, total: values.count, "allGather")
    let starts = try mpiStarts(counts, "allGather")
    let (comm, flight) = (handle, flight)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try flight.check(
        .allGather, bytes: buffer.count * MemoryLayout<Element>.stride,
        MPI_Allgatherv(
          cmpi_in_place(), 0, Element.mpiDatatype, buffer.baseAddress, lengths, starts,
          Element.mpiDatatype, comm),
        "MPI_Allgatherv")
    }
  }

  /// Returns every rank's `values`, which may be unequally many, in rank order, at `root`; nil
  /// elsewhere (MPI_Gather of the lengths and MPI_Gatherv, MPI 3.1 §5.5).
  ///
  /// ```swift
  /// if let all = try world.gather(mine.span) { print(all[world.size - 1].count) }
  /// ```
  ///
  /// Collective: two gathers, in which `root` receives all others' bytes. Throws ``MPIError`` for
  /// more than `Int32.max` elements in all and a root outside the communicator.
  @inlinable
  public borrowing func gather<Element: Datatype>(_ values: Span<Element>, to root: Int = 0)
    throws(MPIError) -> [[Element]]?
  {
    let count = try mpiCount(values.count, "gather")
    let destination = try mpiRank(root, "gather")
    let (comm, flight) = (handle, flight)
    let counts: [Int32] = try filled(rank == root ? size : 0) { (target) throws(MPIError) in
      try withUnsafePointer(to: count) { (source) throws(MPIError) in
        try flight.check(
          .gather, bytes: MemoryLayout<Int32>.stride,
          MPI_Gather(
            source, 1, Int32.mpiDatatype, target.baseAddress, 1, Int32.mpiDatatype, destination,
            comm), "MPI_Gather")
      }
    }
    let lengths = counts.map(Int.init)
    let starts = try mpiStarts(lengths, "gather")
    let all = try values.withUnsafeBufferPointer { (source) throws(MPIError) -> [Element] in
      try filled(lengths.reduce(0, +)) { (target) throws(MPIError) in
        try flight.check(
          .gather, bytes: source.count * MemoryLayout<Element>.stride,
          MPI_Gatherv(
            source.baseAddress, count, Element.mpiDatatype, target.baseAddress, counts, starts,
            Element.mpiDatatype, destination, comm),
          "MPI_Gatherv")
      }
    }
    guard rank == root else { return nil }
    return zip(starts, lengths).map { Array(all[Int($0)..<Int($0) + $1]) }
  }

  /// Fills `all` at `root` with every rank's `values`, which are equally many everywhere, in rank
  /// order; elsewhere `all` is not looked at and may be empty (MPI_Gather, MPI 3.1 §5.5).
  ///
  /// Collective, with equal lengths on all ranks: one gather, in which `root` receives all others'
  /// bytes. Throws ``MPIError`` for more than `Int32.max` elements in all, a root outside the
  /// communicator, and where `root`'s buffer is not `size` times as long as `values`.
  @inlinable
  public borrowing func gather<Element: Datatype>(
    _ values: Span<Element>, into all: inout MutableSpan<Element>, to root: Int = 0
  ) throws(MPIError) {
    let count = try mpiCount(values.count, "gather")
    _ = try mpiCount(values.count * size, "gather")
    let destination = try mpiRank(root, "gather")
    try require(
      rank != root || all.count == values.count * size, "gather",
      "\(size) times \(values.count) elements into a buffer of \(all.count)")
    let (comm, flight) = (handle, flight)
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try all.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try flight.check(
          .gather, bytes: source.count * MemoryLayout<Element>.stride,
          MPI_Gather(
            source.baseAddress, count, Element.mpiDatatype, target.baseAddress, count,
            Element.mpiDatatype, destination, comm),
          "MPI_Gather")
      }
    }
  }

  /// Returns every rank's text, in rank order, at `root`; nil elsewhere (MPI_Gather and MPI_Gatherv,
  /// MPI 3.1 §5.5).
  ///
  /// Collective: two gathers, of the lengths and of the UTF-8 bytes. Throws ``MPIError`` for a root
  /// outside the communicator.
  public borrowing func gather(_ text: String, to root: Int = 0) throws(MPIError) -> [String]? {
    try gather(Array(text.utf8).span, to: root)?.map { String(decoding: $0, as: UTF8.self) }
  }
}
