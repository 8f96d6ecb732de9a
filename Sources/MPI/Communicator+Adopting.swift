import CMPI
import FlightRecorder

// Communicators that come from elsewhere: from a C library, or from a program that starts MPI
// itself instead of by `withMPI`. The flight recorder does not note their collectives: it identifies a
// communicator by how it was made from the world, which it did not see.

/// Lends `body` a communicator that other code owns and goes on owning: it is *borrowed*, neither
/// duplicated nor freed.
///
/// ```swift
/// let mean = try withCommunicator(borrowing: library_comm()) { ranks in
///   try ranks.allReduce(x, .sum) / Double(ranks.size)
/// }
/// ```
///
/// Messages of `body` travel among the owner's: with equal tags they may meet, so a library that
/// others call uses ``Communicator/init(duplicating:)``. While `body` runs, errors on the
/// communicator come back as codes (MPI_ERRORS_RETURN); the owner's error handler is put back at
/// its end (MPI_Comm_get_errhandler and MPI_Comm_set_errhandler, MPI 3.1 §8.3.1). An error that
/// `body` throws is passed on and, unlike in ``withMPI(_:)``, does not end the job. Not collective;
/// sends nothing.
///
/// Throws ``MPIError`` where MPI is not running (MPI_Initialized, MPI_Finalized, §8.7), for
/// `MPI_COMM_NULL`, and for an intercommunicator (MPI_Comm_test_inter, §6.6.1).
public func withCommunicator<Result>(
  borrowing handle: MPI_Comm?, _ body: (borrowing Communicator) throws -> Result
) throws -> Result {
  let handle = try adoptable(handle, "withCommunicator")
  var handler = cmpi_errhandler_slot()
  try check(MPI_Comm_get_errhandler(handle, &handler.handle), "MPI_Comm_get_errhandler")
  defer {
    MPI_Comm_set_errhandler(handle, handler.handle)
    MPI_Errhandler_free(&handler.handle)
  }
  return try body(Communicator(handle: handle, parent: .unrecorded))
}

extension Communicator {
  /// Makes a communicator of the same ranks as a raw one, which is *duplicated* and stays its
  /// owner's (MPI_Comm_dup, MPI 3.1 §6.4.2).
  ///
  /// ```swift
  /// let ranks = try Communicator(duplicating: library_comm())
  /// try ranks.barrier()
  /// try ranks.free()
  /// ```
  ///
  /// The duplicate is the caller's, who may ``free()`` it; its messages never meet the owner's, and
  /// the owner's error handler stays as it is. Collective; costs an agreement on the new
  /// communicator's number. Throws ``MPIError`` as ``withCommunicator(borrowing:_:)`` does.
  public init(duplicating handle: MPI_Comm?) throws(MPIError) {
    let handle = try adoptable(handle, "Communicator")
    var copy = cmpi_comm_slot()
    try check(MPI_Comm_dup(handle, &copy.handle), "MPI_Comm_dup")
    try self.init(handle: present(copy.handle), parent: .unrecorded)
  }
}

/// Refuses what would end the process inside MPI or cannot do what a ``Communicator`` promises.
private func adoptable(_ handle: MPI_Comm?, _ call: StaticString) throws(MPIError) -> MPI_Comm {
  var (isInitialized, isFinalized, isInter): (Int32, Int32, Int32) = (0, 0, 0)
  MPI_Initialized(&isInitialized)
  MPI_Finalized(&isFinalized)
  guard isInitialized != 0, isFinalized == 0 else {
    throw MPIError(
      call: call.description, code: MPI_ERR_OTHER,
      text: isFinalized == 0 ? "MPI has not been started" : "MPI has ended")
  }
  guard let handle, handle != cmpi_comm_null() else {
    throw MPIError(call: call.description, code: MPI_ERR_COMM, text: "no communicator")
  }
  try check(MPI_Comm_test_inter(handle, &isInter), "MPI_Comm_test_inter")
  if isInter != 0 {
    throw MPIError(
      call: call.description, code: MPI_ERR_COMM, text: "an intercommunicator, which has two groups"
    )
  }
  return handle
}
