import CMPI
import FlightRecorder
import Glibc

/// A group of ranks that talk among themselves (MPI 3.1, chapter 6).
///
/// ``withMPI(_:)`` lends the world's, ``withCommunicator(borrowing:_:)`` one that another library
/// owns. Being noncopyable and lent, these cannot be freed or kept beyond their end. Those made by
/// ``split(color:key:)``, ``splitByNode()``, ``duplicate()`` and ``init(duplicating:)`` are the
/// caller's, who may ``free()`` them; those left over end with MPI.
///
/// Three kinds of methods: *collective* ones, which all ranks of the communicator must call, in the
/// same order; *point to point* ones (`send`, `receive` and their kin), which only the ranks that are
/// named in them call; and properties, which send nothing. One thread calls them,
/// the one that is in ``withMPI(_:)``.
///
/// All throw ``MPIError``: for arguments that the binding refuses, on the rank that gave them and
/// before anything is sent, and for what MPI itself reports.
public struct Communicator: ~Copyable {
  /// The raw `MPI_Comm`, for C code that takes one. It lives as long as the communicator does; C
  /// code must not free it. Sends nothing.
  public let handle: MPI_Comm
  /// Its place in the flight recorder.
  @usableFromInline let flight: FlightGroup
  /// This process' number in the group, from 0 (MPI_Comm_rank, §6.4.1). Sends nothing.
  public let rank: Int
  /// How many processes the group has (MPI_Comm_size, §6.4.1). Sends nothing.
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
    guard parent.isRecorded else { return .unrecorded }
    var (world, group) = (cmpi_group_slot(), cmpi_group_slot())
    try check(MPI_Comm_group(cmpi_comm_world(), &world.handle), "MPI_Comm_group")
    try check(MPI_Comm_group(handle, &group.handle), "MPI_Comm_group")
    var (own, first): (Int32, Int32) = (0, 0)
    try check(
      MPI_Group_translate_ranks(group.handle, 1, &own, world.handle, &first),
      "MPI_Group_translate_ranks")
    try check(MPI_Group_free(&group.handle), "MPI_Group_free")
    try check(MPI_Group_free(&world.handle), "MPI_Group_free")
    return parent.child(first: Int(first), size: size)
  }

  /// A communicator that a call makes of this one, for all to see while it is being made.
  private borrowing func made(
    _ kind: CollectiveKind, _ call: StaticString, _ body: (inout cmpi_comm_slot) -> Int32
  ) throws(MPIError) -> Communicator {
    var made = cmpi_comm_slot()
    try check(flight.during(kind, bytes: 0) { body(&made) }, call)
    return try Communicator(handle: present(made.handle), parent: flight)
  }

  /// Makes the communicator of the ranks that give the same `color`, ordered by `key`, then by rank
  /// here (MPI_Comm_split, MPI 3.1 §6.4.2).
  ///
  /// ```swift
  /// let half = try world.split(color: world.rank % 2)
  /// let sum = try half.allReduce(1.0, .sum)
  /// try half.free()
  /// ```
  ///
  /// Collective. Costs about an all-gather of two integers and an agreement on the new
  /// communicator's number. Throws ``MPIError`` for a color outside 0…`Int32.max` or a key outside
  /// 32 bits.
  public borrowing func split(color: Int, key: Int = 0) throws(MPIError) -> Communicator {
    try require(
      color >= 0 && color <= Int32.max, "split", "color \(color) is not within 0…\(Int32.max)")
    try require(
      Int32(exactly: key) != nil, "split", "key \(key) is not within \(Int32.min)…\(Int32.max)")
    let handle = handle
    return try made(.split, "MPI_Comm_split") {
      MPI_Comm_split(handle, Int32(color), Int32(key), &$0.handle)
    }
  }

  /// Makes the communicator of the ranks that share memory with this one: the ranks of its node
  /// (MPI_Comm_split_type with MPI_COMM_TYPE_SHARED, MPI 3.1 §6.4.2).
  ///
  /// Collective; costs as much as ``split(color:key:)``.
  public borrowing func splitByNode() throws(MPIError) -> Communicator {
    let (handle, rank) = (handle, Int32(rank))
    return try made(.split, "MPI_Comm_split_type") {
      MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), rank, cmpi_info_null(), &$0.handle)
    }
  }

  /// Makes the same group with messages of its own, for a library that must not meet its caller's
  /// (MPI_Comm_dup, MPI 3.1 §6.4.2).
  ///
  /// Collective; costs an agreement on the new communicator's number.
  public borrowing func duplicate() throws(MPIError) -> Communicator {
    let handle = handle
    return try made(.split, "MPI_Comm_dup") { MPI_Comm_dup(handle, &$0.handle) }
  }

  /// Gives the communicator back (MPI_Comm_free, MPI 3.1 §6.4.3).
  ///
  /// Collective, and few or no messages. That of ``withMPI(_:)`` or
  /// ``withCommunicator(borrowing:_:)`` is lent, so freeing it does not compile.
  public consuming func free() throws(MPIError) {
    var comm = cmpi_comm_slot(handle: handle)
    try check(flight.during(.free, bytes: 0) { MPI_Comm_free(&comm.handle) }, "MPI_Comm_free")
    flight.remove()
  }

  /// Returns when every rank has called it (MPI_Barrier, MPI 3.1 §5.3).
  ///
  /// Collective. About log₂ `size` empty messages a rank.
  public borrowing func barrier() throws(MPIError) {
    let handle = handle
    try check(flight.during(.barrier, bytes: 0) { MPI_Barrier(handle) }, "MPI_Barrier")
  }

  /// Ends every process of the job with this exit status, at once (MPI_Abort, MPI 3.1 §8.7).
  ///
  /// Not collective: one rank is enough. Never returns and throws nothing. What this process has
  /// written before is given a second to reach mpirun, of which MPICH's ends the job without
  /// reading it.
  public borrowing func abort(status: Int32) -> Never {
    waitUntilRead(STDOUT_FILENO, STDERR_FILENO)
    MPI_Abort(handle, status)
    // MPICH 5 returns from it, and has the job ended by mpirun.
    sleep(2)
    _exit(status)
  }
}
