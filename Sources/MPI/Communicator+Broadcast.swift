import CMPI
import FlightRecorder

// Copying what one rank has to all (MPI 3.1, section 5.4).
extension Communicator {
  /// Copies `root`'s elements to every rank, in place (MPI_Bcast, MPI 3.1 §5.4).
  ///
  /// ```swift
  /// var span = weights.mutableSpan
  /// try world.broadcast(&span, from: 0)
  /// ```
  ///
  /// Collective, with equal lengths on all ranks. One broadcast; past 2³⁰ elements one for each 2³⁰
  /// begun, so any length will do. Each rank but `root` receives the bytes once. Throws ``MPIError``
  /// for a root outside the communicator.
  @inlinable
  public borrowing func broadcast<Element: Datatype>(
    _ values: inout MutableSpan<Element>, from root: Int = 0
  ) throws(MPIError) {
    let source = try mpiRank(root, "broadcast")
    let (comm, flight) = (handle, flight)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try inPieces(buffer.count) { (range) throws(MPIError) in
        try flight.check(
          .broadcast, bytes: range.count * MemoryLayout<Element>.stride,
          MPI_Bcast(
            buffer.baseAddress! + range.lowerBound, Int32(range.count), Element.mpiDatatype, source,
            comm), "MPI_Bcast")
      }
    }
  }

  /// Returns the elements `root` gives, of a length that only it knows, on every rank; what others
  /// give is not looked at (MPI_Bcast, MPI 3.1 §5.4).
  ///
  /// Collective: two broadcasts, of the length and of the elements. Throws ``MPIError`` for a root
  /// outside the communicator.
  @inlinable
  public borrowing func broadcast<Element: Datatype>(_ values: [Element], from root: Int = 0)
    throws(MPIError) -> [Element]
  {
    var count = [Int64(values.count)]
    var counter = count.mutableSpan
    try broadcast(&counter, from: root)
    return try filled(Int(count[0])) { (target) throws(MPIError) in
      if rank == root { _ = target.update(fromContentsOf: values) }
      var span = MutableSpan(_unsafeElements: target)
      try broadcast(&span, from: root)
    }
  }

  /// Returns the text that `root` gives on every rank (MPI_Bcast, MPI 3.1 §5.4).
  ///
  /// Collective: two broadcasts, of its length and its UTF-8 bytes. Throws ``MPIError`` for a root
  /// outside the communicator.
  public borrowing func broadcast(_ text: String, from root: Int = 0) throws(MPIError) -> String {
    String(decoding: try broadcast(Array(text.utf8), from: root), as: UTF8.self)
  }
}
