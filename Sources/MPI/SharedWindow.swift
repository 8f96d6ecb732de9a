import CMPI
import FlightRecorder

/// Memory that the ranks of one node share: each rank owns a part and reads the others' without a
/// message (MPI 3.1, section 11.2.3).
///
/// What one rank writes, others may read after both called ``synchronize(on:)``. The memory lives
/// until ``free()``, which is collective, or MPI's end.
public struct SharedWindow<Element: Datatype>: ~Copyable {
  private let window: MPI_Win
  private let parts: [UnsafeMutableBufferPointer<Element>]
  private let rank: Int
  private let flight: FlightGroup

  /// Makes a window to which this rank gives `count` elements, zeroed (MPI_Win_allocate_shared, MPI
  /// 3.1 §11.2.3, opened with MPI_Win_lock_all, §11.5.3).
  ///
  /// Collective over `node`, whose ranks must share memory (``Communicator/splitByNode()``); `count`
  /// may differ. Costs an all-gather of the sizes and a barrier. Throws ``MPIError`` for a negative
  /// count and one that no memory has room for.
  public init(on node: borrowing Communicator, count: Int) throws(MPIError) {
    let stride = MemoryLayout<Element>.stride
    try require(count >= 0 && count <= MPI_Aint.max / stride, "SharedWindow", "\(count) elements")
    var base: UnsafeMutableRawPointer?
    var made = cmpi_win_slot()
    let flight = node.flight
    try flight.check(
      .window, bytes: count * stride,
      MPI_Win_allocate_shared(
        MPI_Aint(count * stride), Int32(stride), cmpi_info_null(), node.handle, &base,
        &made.handle),
      "MPI_Win_allocate_shared")
    let window = present(made.handle)
    // A window does not inherit its communicator's handler.
    try check(MPI_Win_set_errhandler(window, cmpi_errors_return()), "MPI_Win_set_errhandler")
    try check(MPI_Win_lock_all(Int32(MPI_MODE_NOCHECK), window), "MPI_Win_lock_all")
    var parts: [UnsafeMutableBufferPointer<Element>] = []
    for rank in 0..<node.size {
      var size: MPI_Aint = 0
      var unit: Int32 = 0
      var start: UnsafeMutableRawPointer?
      try check(
        MPI_Win_shared_query(window, Int32(rank), &size, &unit, &start), "MPI_Win_shared_query")
      parts.append(
        UnsafeMutableBufferPointer(
          start: start?.assumingMemoryBound(to: Element.self), count: Int(size) / stride))
    }
    if count > 0 {
      UnsafeMutableRawBufferPointer(parts[node.rank]).initializeMemory(as: UInt8.self, repeating: 0)
    }
    try synchronizeMemory(window, on: node)
    self.flight = flight
    self.window = window
    self.parts = parts
    self.rank = node.rank
  }

  /// Reads the part that a rank owns, as it was when last synchronised. Local, without a message.
  @_lifetime(borrow self)
  public borrowing func part(of rank: Int) -> Span<Element> {
    _overrideLifetime(Span(_unsafeElements: UnsafeBufferPointer(parts[rank])), borrowing: self)
  }

  /// This rank's own part, to write. Local, without a message.
  public var own: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get { _overrideLifetime(MutableSpan(_unsafeElements: parts[rank]), mutating: &self) }
  }

  /// The same memory as a raw address, for a reader or kernel that fills or scans it; valid while
  /// the window lives.
  public borrowing func address(of rank: Int) -> UnsafeMutableBufferPointer<Element> { parts[rank] }

  /// Makes what every rank wrote before visible to every rank after: a barrier between two memory
  /// fences (MPI_Win_sync, MPI 3.1 §11.5.4, and MPI_Barrier, §5.3).
  ///
  /// ```swift
  /// var own = window.own; own[0] = 1
  /// try window.synchronize(on: node)
  /// let theirs = window.part(of: 1)[0]
  /// ```
  ///
  /// Collective over `node`.
  public borrowing func synchronize(on node: borrowing Communicator) throws(MPIError) {
    try synchronizeMemory(window, on: node)
  }

  /// Gives the memory back (MPI_Win_unlock_all, MPI 3.1 §11.5.3, and MPI_Win_free, §11.2.5).
  /// Collective; costs a barrier.
  public consuming func free() throws(MPIError) {
    var window = cmpi_win_slot(handle: self.window)
    try check(MPI_Win_unlock_all(window.handle), "MPI_Win_unlock_all")
    try flight.check(.window, bytes: 0, MPI_Win_free(&window.handle), "MPI_Win_free")
  }
}

private func synchronizeMemory(_ window: MPI_Win, on node: borrowing Communicator) throws(MPIError)
{
  try check(MPI_Win_sync(window), "MPI_Win_sync")
  try node.barrier()
  try check(MPI_Win_sync(window), "MPI_Win_sync")
}
