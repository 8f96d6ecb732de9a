import CMPI
import FlightRecorder

// Reductions of which one rank gets all, or each rank a part (MPI 3.1, sections 5.9.1 and 5.10).
extension Communicator {
  /// Replaces `root`'s elements by their reduction over all ranks; the other ranks' stay as they are
  /// (MPI_Reduce, MPI 3.1 §5.9.1).
  ///
  /// ```swift
  /// var span = values.mutableSpan
  /// try world.reduce(&span, .sum, to: 0)
  /// if world.rank == 0 { print(values) }
  /// ```
  ///
  /// Collective, with equal lengths on all ranks. One reduction; past 2³⁰ elements one for each 2³⁰
  /// begun, so any length will do. Each rank sends about its own bytes. Throws ``MPIError`` for a
  /// root outside the communicator.
  @inlinable
  public borrowing func reduce<Element>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction<Element>, to root: Int = 0
  ) throws(MPIError) {
    let destination = try mpiRank(root, "reduce")
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    let isRoot = rank == root
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try inPieces(buffer.count) { (range) throws(MPIError) in
        let piece = buffer.baseAddress! + range.lowerBound
        try flight.check(
          .reduce, bytes: range.count * MemoryLayout<Element>.stride,
          MPI_Reduce(
            isRoot ? cmpi_in_place() : UnsafeRawPointer(piece), isRoot ? piece : nil,
            Int32(range.count), Element.mpiDatatype, operation, destination, comm),
          "MPI_Reduce")
      }
    }
  }

  /// Returns the reduction of one value over all ranks at `root`; nil elsewhere (MPI_Reduce, MPI 3.1
  /// §5.9.1).
  ///
  /// Collective: one reduction of one element. Throws ``MPIError`` for a root outside the
  /// communicator.
  @inlinable
  public borrowing func reduce<Element: Datatype>(
    _ value: Element, _ reduction: Reduction<Element>, to root: Int = 0
  ) throws(MPIError) -> Element? {
    let destination = try mpiRank(root, "reduce")
    var result = value
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    let isRoot = rank == root
    try withUnsafeMutablePointer(to: &result) { (pointer) throws(MPIError) in
      try flight.check(
        .reduce, bytes: MemoryLayout<Element>.stride,
        MPI_Reduce(
          isRoot ? cmpi_in_place() : UnsafeRawPointer(pointer), isRoot ? pointer : nil, 1,
          Element.mpiDatatype, operation, destination, comm),
        "MPI_Reduce")
    }
    return isRoot ? result : nil
  }

  /// Gives rank r the reduction of the r-th piece, `counts[r]` elements long, of all ranks'
  /// `values` (MPI_Reduce_scatter, MPI 3.1 §5.10.2).
  ///
  /// ```swift
  /// var mine = [Float](repeating: 0, count: counts[world.rank])
  /// var span = mine.mutableSpan
  /// try world.reduceScatter(gradient.span, counts: counts, into: &span, .sum)
  /// ```
  ///
  /// Collective, with equal `counts` on all ranks. One reduce-scatter; each rank sends about the
  /// bytes of `values` when they are many. Throws ``MPIError`` for more than `Int32.max` elements,
  /// for counts that are not one a rank or do not add up to `values.count`, and where `mine` is not
  /// of this rank's count.
  @inlinable
  public borrowing func reduceScatter<Element>(
    _ values: Span<Element>, counts: [Int], into mine: inout MutableSpan<Element>,
    _ reduction: Reduction<Element>
  ) throws(MPIError) {
    let lengths = try lengths(of: counts, total: values.count, "reduceScatter")
    try require(
      mine.count == counts[rank], "reduceScatter",
      "a buffer of \(mine.count) elements for a piece of \(counts[rank])")
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try values.withUnsafeBufferPointer { (source) throws(MPIError) in
      try mine.withUnsafeMutableBufferPointer { (target) throws(MPIError) in
        try flight.check(
          .reduceScatter, bytes: source.count * MemoryLayout<Element>.stride,
          MPI_Reduce_scatter(
            source.baseAddress, target.baseAddress, lengths, Element.mpiDatatype, operation, comm),
          "MPI_Reduce_scatter")
      }
    }
  }

  /// Reduces in place: `values` holds the whole input before, and this rank's piece at its start
  /// after (MPI_Reduce_scatter with MPI_IN_PLACE, MPI 3.1 §5.10.2).
  ///
  /// Otherwise like ``reduceScatter(_:counts:into:_:)``.
  @inlinable
  public borrowing func reduceScatter<Element>(
    inPlace values: inout MutableSpan<Element>, counts: [Int], _ reduction: Reduction<Element>
  ) throws(MPIError) {
    let lengths = try lengths(of: counts, total: values.count, "reduceScatter")
    let (comm, flight, operation) = (handle, flight, reduction.handle)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try flight.check(
        .reduceScatter, bytes: buffer.count * MemoryLayout<Element>.stride,
        MPI_Reduce_scatter(
          cmpi_in_place(), buffer.baseAddress, lengths, Element.mpiDatatype, operation, comm),
        "MPI_Reduce_scatter")
    }
  }
}
