import COpenMPI
import FlightRecorder
import Glibc

// Generic methods are inlinable so that they are specialised where they are called: unspecialised,
// each call costs 100 ns more, a tenth of a small all-reduce between two ranks of a node.
extension Communicator {
  /// Replaces every element by its reduction over all ranks, in place (MPI_Allreduce). Any length:
  /// past 2³⁰ elements it is split.
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

  /// Reduces every element over all ranks into another buffer of the same length.
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

  /// The reduction of one value over all ranks.
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

  /// Gives rank r the reduction of the r-th piece, `counts[r]` elements long, of all ranks'
  /// `values` (MPI_Reduce_scatter).
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
  /// after.
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

  /// Fills `values`, made of consecutive pieces of `counts[r]` elements, with every rank's piece;
  /// this rank's is in its place already (MPI_Allgatherv).
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

  /// Gives rank r the r-th piece of `values`, `counts[r]` elements long, and takes a piece of
  /// `received[r]` elements from each, in rank order (MPI_Alltoallv). Data is only moved, never
  /// added.
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

  /// Every rank's `values`, which are equally many everywhere, in rank order.
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

  /// Every rank's `values`, which may be unequally many, in rank order: at `root`; nil elsewhere.
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

  /// Copies `root`'s elements to every rank, in place. Any length: past 2³⁰ elements it is split.
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

  /// The elements `root` gives, of a length only it knows, on every rank: two messages.
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
}

extension FlightGroup {
  /// Notes that this rank is in a collective while MPI's function runs, and turns its return code
  /// into an error.
  @inlinable @inline(__always)
  func check(
    _ kind: CollectiveKind, bytes: Int, _ body: @autoclosure () -> Int32, _ call: StaticString
  ) throws(MPIError) {
    let code = during(kind, bytes: bytes) { body() }
    if code != MPI_SUCCESS { throw MPIError(call: call.description, code: code) }
  }
}

extension Communicator {
  /// One length a rank, as MPI takes them. They must add up to `total`, and that must be an MPI
  /// count too: Open MPI adds them in an `int`.
  @usableFromInline
  borrowing func lengths(of counts: [Int], total: Int, _ call: StaticString) throws(MPIError)
    -> [Int32]
  {
    try require(counts.count == size, call, "\(counts.count) counts for \(size) ranks")
    let lengths = try counts.map { (count) throws(MPIError) in try mpiCount(count, call) }
    let sum = counts.reduce(0, +)
    try require(sum == total, call, "counts add up to \(sum), not \(total)")
    _ = try mpiCount(total, call)
    return lengths
  }

  /// A rank of this communicator as MPI takes it.
  @usableFromInline
  borrowing func mpiRank(_ rank: Int, _ call: StaticString) throws(MPIError) -> Int32 {
    try require(rank >= 0 && rank < size, call, "no rank \(rank) among \(size)")
    return Int32(rank)
  }
}

/// Calls `body` on consecutive ranges of at most 2³⁰ positions; not at all when there are none.
///
/// Reductions and broadcasts may be cut so, because their elements do not depend on one another.
@inlinable @inline(__always)
func inPieces(_ count: Int, _ body: (Range<Int>) throws(MPIError) -> Void) throws(MPIError) {
  var start = 0
  while start < count {
    let end = min(start + (1 << 30), count)
    try body(start..<end)
    start = end
  }
}

/// Where consecutive pieces of these lengths start.
@usableFromInline
func mpiStarts(_ counts: [Int], _ call: StaticString) throws(MPIError) -> [Int32] {
  var start = 0
  return try counts.map { (count) throws(MPIError) in
    defer { start += count }
    return try mpiCount(start, call)
  }
}

/// An array whose memory `body` fills whole.
@inlinable
func filled<Element: Datatype>(
  _ count: Int, _ body: (UnsafeMutableBufferPointer<Element>) throws(MPIError) -> Void
) throws(MPIError) -> [Element] {
  var failure: MPIError?
  let array = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
    // Zeros, so that what an error leaves unfilled is still initialised.
    if count > 0 { memset(buffer.baseAddress!, 0, count * MemoryLayout<Element>.stride) }
    do throws(MPIError) { try body(UnsafeMutableBufferPointer(rebasing: buffer[..<count])) } catch {
      failure = error
    }
    initialized = count
  }
  if let failure { throw failure }
  return array
}
