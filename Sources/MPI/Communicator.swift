import COpenMPI

/// A group of ranks that talk among themselves (MPI 3.1, chapter 6).
///
/// ``withMPI(_:)`` lends the world's. Being noncopyable and lent, it cannot be kept beyond MPI's end. Communicators made by
/// ``split(color:key:)`` are the caller's, who may ``free()`` them; those left over end with MPI.
/// Every method but the properties is collective: all ranks of the communicator must call it, in the same order.
public struct Communicator: ~Copyable {
  @usableFromInline let handle: MPI_Comm
  /// This process' number in the group, from 0.
  public let rank: Int
  /// How many processes the group has.
  public let size: Int

  init(handle: MPI_Comm) throws(MPIError) {
    var rank: Int32 = 0
    var size: Int32 = 0
    // Errors come back as codes instead of ending the process inside MPI, so that they can be named.
    try check(MPI_Comm_set_errhandler(handle, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    try check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank")
    try check(MPI_Comm_size(handle, &size), "MPI_Comm_size")
    self.handle = handle
    self.rank = Int(rank)
    self.size = Int(size)
  }

  /// The communicator of the ranks that give the same `color`, ordered by `key`, then by rank here.
  public borrowing func split(color: Int, key: Int = 0) throws(MPIError) -> Communicator {
    try require(color >= 0 && color <= Int32.max, "split", "color \(color) is not within 0…\(Int32.max)")
    try require(Int32(exactly: key) != nil, "split", "key \(key) is not within \(Int32.min)…\(Int32.max)")
    var made: MPI_Comm?
    try check(MPI_Comm_split(handle, Int32(color), Int32(key), &made), "MPI_Comm_split")
    return try Communicator(handle: made!)
  }

  /// The communicator of the ranks that share memory with this one: the ranks of its node.
  public borrowing func splitByNode() throws(MPIError) -> Communicator {
    var made: MPI_Comm?
    try check(MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), Int32(rank), cmpi_info_null(), &made), "MPI_Comm_split_type")
    return try Communicator(handle: made!)
  }

  /// The same group with messages of its own, for a library that must not meet its caller's.
  public borrowing func duplicate() throws(MPIError) -> Communicator {
    var made: MPI_Comm?
    try check(MPI_Comm_dup(handle, &made), "MPI_Comm_dup")
    return try Communicator(handle: made!)
  }

  /// Gives the communicator back. Not for the world's.
  public consuming func free() throws(MPIError) {
    var handle: MPI_Comm? = self.handle
    try check(MPI_Comm_free(&handle), "MPI_Comm_free")
  }

  /// Returns when every rank has called it.
  public borrowing func barrier() throws(MPIError) {
    try check(MPI_Barrier(handle), "MPI_Barrier")
  }

  /// Ends every process of the job with this exit status, at once.
  public borrowing func abort(status: Int32) -> Never {
    MPI_Abort(handle, status)
    fatalError("MPI_Abort returned")
  }
}
