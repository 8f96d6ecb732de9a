import COpenMPI
import FlightRecorder

/// A group of ranks that talk among themselves (MPI 3.1, chapter 6).
///
/// ``withMPI(_:)`` lends the world's. Being noncopyable and lent, it cannot be kept beyond MPI's
/// end. Communicators made by ``split(color:key:)`` are the caller's, who may ``free()`` them;
/// those left over end with MPI. Every method but the properties is collective: all ranks of the
/// communicator must call it, in the same order.
public struct Communicator: ~Copyable {
  @usableFromInline let handle: MPI_Comm
  /// Its place in the flight recorder.
  @usableFromInline let flight: FlightGroup
  /// This process' number in the group, from 0.
  public let rank: Int
  /// How many processes the group has.
  public let size: Int

  /// `parent` is the place of the communicator that it was made from; nil for the world.
  init(handle: MPI_Comm, parent: FlightGroup? = nil) throws(MPIError) {
    var rank: Int32 = 0
    var size: Int32 = 0
    // Errors come back as codes instead of ending the process inside MPI, so that they can be
    // named.
    try check(MPI_Comm_set_errhandler(handle, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    try check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank")
    try check(MPI_Comm_size(handle, &size), "MPI_Comm_size")
    let flight =
      if let parent { try Self.flight(handle, size: Int(size), of: parent) } else {
        FlightGroup.world
      }
    self.handle = handle
    self.rank = Int(rank)
    self.size = Int(size)
    self.flight = flight
  }

  private static func flight(_ handle: MPI_Comm, size: Int, of parent: FlightGroup) throws(MPIError)
    -> FlightGroup
  {
    guard FlightRecorder.isOn else { return .world }
    var (world, group): (MPI_Group?, MPI_Group?)
    try check(MPI_Comm_group(cmpi_comm_world(), &world), "MPI_Comm_group")
    try check(MPI_Comm_group(handle, &group), "MPI_Comm_group")
    var (own, first): (Int32, Int32) = (0, 0)
    try check(MPI_Group_translate_ranks(group, 1, &own, world, &first), "MPI_Group_translate_ranks")
    try check(MPI_Group_free(&group), "MPI_Group_free")
    try check(MPI_Group_free(&world), "MPI_Group_free")
    return parent.child(first: Int(first), size: size)
  }

  /// A communicator that a call makes of this one, for all to see while it is being made.
  private borrowing func made(
    _ kind: CollectiveKind, _ call: StaticString, _ body: (inout MPI_Comm?) -> Int32
  ) throws(MPIError) -> Communicator {
    var made: MPI_Comm?
    try check(flight.during(kind, bytes: 0) { body(&made) }, call)
    return try Communicator(handle: made!, parent: flight)
  }

  /// The communicator of the ranks that give the same `color`, ordered by `key`, then by rank here.
  public borrowing func split(color: Int, key: Int = 0) throws(MPIError) -> Communicator {
    try require(
      color >= 0 && color <= Int32.max, "split", "color \(color) is not within 0…\(Int32.max)")
    try require(
      Int32(exactly: key) != nil, "split", "key \(key) is not within \(Int32.min)…\(Int32.max)")
    let handle = handle
    return try made(.split, "MPI_Comm_split") {
      MPI_Comm_split(handle, Int32(color), Int32(key), &$0)
    }
  }

  /// The communicator of the ranks that share memory with this one: the ranks of its node.
  public borrowing func splitByNode() throws(MPIError) -> Communicator {
    let (handle, rank) = (handle, Int32(rank))
    return try made(.split, "MPI_Comm_split_type") {
      MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), rank, cmpi_info_null(), &$0)
    }
  }

  /// The same group with messages of its own, for a library that must not meet its caller's.
  public borrowing func duplicate() throws(MPIError) -> Communicator {
    let handle = handle
    return try made(.split, "MPI_Comm_dup") { MPI_Comm_dup(handle, &$0) }
  }

  /// Gives the communicator back. Not for the world's.
  public consuming func free() throws(MPIError) {
    var handle: MPI_Comm? = self.handle
    try check(flight.during(.free, bytes: 0) { MPI_Comm_free(&handle) }, "MPI_Comm_free")
    flight.remove()
  }

  /// Returns when every rank has called it.
  public borrowing func barrier() throws(MPIError) {
    let handle = handle
    try check(flight.during(.barrier, bytes: 0) { MPI_Barrier(handle) }, "MPI_Barrier")
  }

  /// Ends every process of the job with this exit status, at once.
  public borrowing func abort(status: Int32) -> Never {
    MPI_Abort(handle, status)
    fatalError("MPI_Abort returned")
  }
}
