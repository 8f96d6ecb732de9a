import CMPI
import FlightRecorder
import Glibc

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
