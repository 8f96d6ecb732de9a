import CMPI
import FlightRecorder

/// Collectives that were started one after another and end in that order, on messages of their own:
/// a queue of requests.
///
/// For several pieces of one vector that travel at the same time, which ``Request`` cannot express:
/// it borrows what it works on. Here memory is given by its address, and until ``isEmpty`` the
/// caller neither writes what is sent nor touches what is received. What `keeping` names stays
/// alive until then; if the queue goes while something is under way, because an error ends the job,
/// it stays for ever, so that MPI never works on memory that was given back. All ranks start the
/// same collectives in the same order; when each of them does so is its own affair, for no others
/// use the communicator.
public final class RequestQueue {
  private let communicator: Communicator
  private var requests: [cmpi_request_slot] = []
  private var flights: [StartedFlight] = []
  /// The oldest one that has not ended.
  private var first = 0
  private var keeper: AnyObject?

  /// Makes an empty queue with messages of its own (MPI_Comm_dup, MPI 3.1 §6.4.2).
  ///
  /// Collective; costs what ``Communicator/duplicate()`` costs.
  public init(on world: borrowing Communicator) throws(MPIError) {
    communicator = try world.duplicate()
  }

  deinit { if !isEmpty, let keeper { _ = Unmanaged.passRetained(keeper) } }

  /// Whether nothing is under way.
  public var isEmpty: Bool { first == requests.count }

  /// Starts giving rank r the piece r of what begins at `source`, and taking the pieces of
  /// `received` from each (MPI_Ialltoallv, MPI 3.1 §5.12.6).
  ///
  /// Collective: started in the same order on all ranks. Each rank sends all but its own piece, a
  /// message to each other rank. Throws ``MPIError`` for what MPI reports.
  public func startAllToAll<Element: Datatype>(
    _ source: UnsafePointer<Element>, _ sent: CountsAndDisplacements,
    into target: UnsafeMutablePointer<Element>, _ received: CountsAndDisplacements,
    keeping owner: AnyObject
  ) throws(MPIError) {
    var request = cmpi_request_slot()
    try check(
      MPI_Ialltoallv(
        source, sent.counts, sent.starts, Element.mpiDatatype, target, received.counts,
        received.starts, Element.mpiDatatype,
        communicator.handle, &request.handle), "MPI_Ialltoallv")
    append(request, .allToAll, bytes: sent.total * MemoryLayout<Element>.stride, owner)
  }

  /// Starts filling the pieces of what begins at `base` with those of every rank, this rank's being
  /// in its place already (MPI_Iallgatherv, MPI 3.1 §5.12.5).
  ///
  /// Collective: started in the same order on all ranks. Each rank receives all others' bytes.
  /// Throws ``MPIError`` for what MPI reports.
  public func startAllGather<Element: Datatype>(
    inPlace base: UnsafeMutablePointer<Element>, _ pieces: CountsAndDisplacements,
    keeping owner: AnyObject
  ) throws(MPIError) {
    var request = cmpi_request_slot()
    try check(
      MPI_Iallgatherv(
        cmpi_in_place(), 0, Element.mpiDatatype, base, pieces.counts, pieces.starts,
        Element.mpiDatatype, communicator.handle, &request.handle),
      "MPI_Iallgatherv")
    append(request, .allGather, bytes: pieces.total * MemoryLayout<Element>.stride, owner)
  }

  /// Starts a barrier: it ends when every rank has started it (MPI_Ibarrier, MPI 3.1 §5.12.1).
  ///
  /// Collective: started in the same order on all ranks. Throws ``MPIError`` for what MPI reports.
  public func startBarrier(keeping owner: AnyObject) throws(MPIError) {
    var request = cmpi_request_slot()
    try check(MPI_Ibarrier(communicator.handle, &request.handle), "MPI_Ibarrier")
    append(request, .barrier, bytes: 0, owner)
  }

  /// Lets MPI make progress, and takes the oldest from the queue if it has ended; returns whether
  /// it has (MPI_Test, MPI 3.1 §3.7.3). Local; the queue must not be empty.
  public func takeOldest() throws(MPIError) -> Bool {
    var complete: Int32 = 0
    try check(MPI_Test(&requests[first].handle, &complete, cmpi_status_ignore()), "MPI_Test")
    if complete != 0 {
      flights[first].end()
      removeOldest()
    }
    return complete != 0
  }

  /// Waits until the oldest has ended, and takes it from the queue (MPI_Wait, MPI 3.1 §3.7.3).
  ///
  /// Local; the queue must not be empty. Throws ``MPIError`` where the collective failed.
  public func waitForOldest() throws(MPIError) {
    try check(
      flights[first].waiting { MPI_Wait(&requests[first].handle, cmpi_status_ignore()) }, "MPI_Wait"
    )
    removeOldest()
  }

  private func append(
    _ request: cmpi_request_slot, _ kind: CollectiveKind, bytes: Int, _ owner: AnyObject
  ) {
    requests.append(request)
    flights.append(communicator.flight.start(kind, bytes: bytes))
    keeper = owner
  }

  private func removeOldest() {
    first += 1
    guard isEmpty else { return }
    // The room stays for the next ones.
    requests.removeAll(keepingCapacity: true)
    flights.removeAll(keepingCapacity: true)
    (first, keeper) = (0, nil)
  }
}

/// Where the pieces of a collective lie, one a rank: MPI reads it for as long as the collective is
/// under way.
public final class CountsAndDisplacements {
  let counts: UnsafeMutablePointer<Int32>
  let starts: UnsafeMutablePointer<Int32>
  /// The elements of all pieces.
  let total: Int

  /// Makes it of positions counted from the address that the collective is given, a range a rank.
  ///
  /// Local: sends nothing. Throws ``MPIError`` for a length or a start above `Int32.max`.
  public init(_ pieces: [Range<Int>]) throws(MPIError) {
    let numbers = try pieces.map { (piece) throws(MPIError) in
      (
        try mpiCount(piece.count, "CountsAndDisplacements"),
        try mpiCount(piece.lowerBound, "CountsAndDisplacements")
      )
    }
    total = pieces.reduce(0) { $0 + $1.count }
    counts = .allocate(capacity: pieces.count)
    starts = .allocate(capacity: pieces.count)
    for (rank, number) in numbers.enumerated() {
      (counts + rank).initialize(to: number.0)
      (starts + rank).initialize(to: number.1)
    }
  }

  deinit {
    counts.deallocate()
    starts.deallocate()
  }
}
