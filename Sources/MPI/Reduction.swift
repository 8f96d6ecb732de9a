import COpenMPI
import FlightRecorder

/// How the ranks' elements become one (MPI 3.1, section 5.9).
public struct Reduction<Element: Datatype> {
  @usableFromInline let handle: MPI_Op

  @inlinable
  init(handle: MPI_Op) { self.handle = handle }
}

extension Reduction where Element: AdditiveArithmetic & Comparable {
  @inlinable public static var sum: Reduction { Reduction(handle: cmpi_sum()) }
  /// With a NaN among the elements the result depends on their order: count non-finite values, do
  /// not look for them here.
  @inlinable public static var minimum: Reduction { Reduction(handle: cmpi_min()) }
  @inlinable public static var maximum: Reduction { Reduction(handle: cmpi_max()) }
}

extension Reduction where Element == ValueAndRank {
  /// The largest value and its location; the lowest location among equal values.
  @inlinable public static var maximumWithLocation: Reduction { Reduction(handle: cmpi_maxloc()) }
}

/// A reduction of records: each rank gives `length` values of 8 bytes that only a function of the
/// caller's can combine (a sum here, a maximum there).
///
/// MPI sees one element of a contiguous type, so no algorithm can cut a record in two (MPI 3.1,
/// section 5.9.5). Freed with `free()`.
public struct RecordReduction: ~Copyable {
  /// `MPI_User_function`: (in, in and out, number of records, datatype). It must be commutative,
  /// and associative up to rounding.
  public typealias Combine =
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>?,
      UnsafeMutablePointer<MPI_Datatype?>?
    ) -> Void

  public let length: Int
  @usableFromInline let datatype: MPI_Datatype
  @usableFromInline let operation: MPI_Op

  public init(length: Int, combine: Combine) throws(MPIError) {
    try require(length > 0, "RecordReduction", "a record of \(length) values")
    let count = try mpiCount(length, "RecordReduction")
    var datatype: MPI_Datatype?
    try check(MPI_Type_contiguous(count, Int64.mpiDatatype, &datatype), "MPI_Type_contiguous")
    try check(MPI_Type_commit(&datatype), "MPI_Type_commit")
    var operation: MPI_Op?
    try check(MPI_Op_create(combine, 1, &operation), "MPI_Op_create")
    self.length = length
    self.datatype = datatype!
    self.operation = operation!
  }

  public consuming func free() throws(MPIError) {
    var datatype: MPI_Datatype? = self.datatype
    var operation: MPI_Op? = self.operation
    try check(MPI_Op_free(&operation), "MPI_Op_free")
    try check(MPI_Type_free(&datatype), "MPI_Type_free")
  }
}

extension Communicator {
  /// Replaces this rank's record by the combination of all ranks' records, in place: one message
  /// round of `8·length` bytes.
  @inlinable
  public borrowing func allReduce<Word: Datatype>(
    record: inout MutableSpan<Word>, _ reduction: borrowing RecordReduction
  ) throws(MPIError) {
    try require(
      MemoryLayout<Word>.stride == 8, "allReduce", "a record is made of values of 8 bytes")
    try require(
      record.count == reduction.length, "allReduce",
      "a record of \(record.count) values where \(reduction.length) were announced")
    let (comm, flight, datatype, operation) = (
      handle, flight, reduction.datatype, reduction.operation
    )
    try record.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try flight.check(
        .allReduce, bytes: 8 * buffer.count,
        MPI_Allreduce(cmpi_in_place(), buffer.baseAddress, 1, datatype, operation, comm),
        "MPI_Allreduce")
    }
  }
}

/// How many words a record of this type has: what a ``RecordReduction/Combine`` function asks of
/// its last argument.
public func recordLength(_ datatype: MPI_Datatype?) -> Int {
  var bytes: Int32 = 0
  MPI_Type_size(datatype, &bytes)
  return Int(bytes) / MemoryLayout<Int64>.stride
}
