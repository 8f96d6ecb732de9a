import CMPI
import FlightRecorder

/// How the ranks' elements become one (`MPI_Op`, MPI 3.1 §5.9.2).
///
/// Making one sends nothing.
public struct Reduction<Element: Datatype> {
  @usableFromInline let handle: MPI_Op

  @inlinable
  init(handle: MPI_Op) { self.handle = handle }
}

extension Reduction where Element: AdditiveArithmetic & Comparable {
  /// Their sum (`MPI_SUM`); integers overflow silently.
  @inlinable public static var sum: Reduction { Reduction(handle: cmpi_sum()) }
  /// The smallest (`MPI_MIN`).
  ///
  /// With a NaN among the elements the result depends on their order: count non-finite values, do
  /// not look for them here. MPICH 4.0 compares `UInt8` and `UInt64` as
  /// if they had a sign (5.0 does not).
  @inlinable public static var minimum: Reduction { Reduction(handle: cmpi_min()) }
  /// The largest (`MPI_MAX`). With a NaN among the elements the result depends on their order;
  /// MPICH 4.0 compares unsigned integers as if they had a sign.
  @inlinable public static var maximum: Reduction { Reduction(handle: cmpi_max()) }
}

extension Reduction where Element == ValueAndRank {
  /// The largest value and its location; the lowest location among equal values (`MPI_MAXLOC`, MPI
  /// 3.1 §5.9.4).
  @inlinable public static var maximumWithLocation: Reduction { Reduction(handle: cmpi_maxloc()) }
}

/// A reduction of records: each rank gives `length` values of 8 bytes that only a function of the
/// caller's can combine (a sum here, a maximum there).
///
/// A record is one element of a contiguous type to MPI, so no algorithm can cut it in two (MPI 3.1
/// §5.9.5); several can be reduced in one call, and MPI may send these in parts.
///
/// ```swift
/// let reduction = try RecordReduction(length: 2) { other, record, count, _ in combine(…) }
/// try world.allReduce(record: &span, reduction)
/// try reduction.free()
/// ```
public struct RecordReduction: ~Copyable {
  /// `MPI_User_function`: (in, in and out, number of records, datatype). It must be commutative,
  /// and associative up to rounding.
  public typealias Combine = cmpi_user_function

  /// How many values a record has.
  public let length: Int
  @usableFromInline let datatype: MPI_Datatype
  @usableFromInline let operation: MPI_Op

  /// Makes a reduction of records of `length` values (MPI_Type_contiguous, MPI_Type_commit and
  /// MPI_Op_create, MPI 3.1 §4.1.2, §4.1.9 and §5.9.5).
  ///
  /// Local: sends nothing. Throws ``MPIError`` for a length that is not within 1…`Int32.max`.
  public init(length: Int, combine: Combine) throws(MPIError) {
    try require(length > 0, "RecordReduction", "a record of \(length) values")
    let count = try mpiCount(length, "RecordReduction")
    var datatype = cmpi_datatype_slot()
    try check(
      MPI_Type_contiguous(count, Int64.mpiDatatype, &datatype.handle), "MPI_Type_contiguous")
    try check(MPI_Type_commit(&datatype.handle), "MPI_Type_commit")
    var operation = cmpi_op_slot()
    try check(MPI_Op_create(combine, 1, &operation.handle), "MPI_Op_create")
    self.length = length
    self.datatype = present(datatype.handle)
    self.operation = present(operation.handle)
  }

  /// Gives the reduction back (MPI_Op_free and MPI_Type_free, MPI 3.1 §5.9.5 and §4.1.9). Local:
  /// sends nothing.
  public consuming func free() throws(MPIError) {
    var datatype = cmpi_datatype_slot(handle: self.datatype)
    var operation = cmpi_op_slot(handle: self.operation)
    try check(MPI_Op_free(&operation.handle), "MPI_Op_free")
    try check(MPI_Type_free(&datatype.handle), "MPI_Type_free")
  }
}

extension Communicator {
  /// Replaces this rank's record, or records one after the other, by the combination of all ranks',
  /// in place (MPI_Allreduce, MPI 3.1 §5.9.6).
  ///
  /// Collective: one all-reduce of `8·record.count` bytes. Throws ``MPIError`` where a value has not
  /// 8 bytes, or these are no whole number of records of the reduction's length.
  @inlinable
  public borrowing func allReduce<Word: Datatype>(
    record: inout MutableSpan<Word>, _ reduction: borrowing RecordReduction
  ) throws(MPIError) {
    try require(
      MemoryLayout<Word>.stride == 8, "allReduce", "a record is made of values of 8 bytes")
    try require(
      record.count > 0 && record.count.isMultiple(of: reduction.length), "allReduce",
      "a record of \(record.count) values where \(reduction.length) were announced")
    let (comm, flight, datatype, operation) = (
      handle, flight, reduction.datatype, reduction.operation
    )
    let records = try mpiCount(record.count / reduction.length, "allReduce")
    try record.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try flight.check(
        .allReduce, bytes: 8 * buffer.count,
        MPI_Allreduce(
          cmpi_in_place(), buffer.baseAddress, records, datatype, operation, comm),
        "MPI_Allreduce")
    }
  }
}

/// How many words a record of this type has: what a ``RecordReduction/Combine`` function asks of
/// its last argument (MPI_Type_size, MPI 3.1 §4.1.5). Sends nothing.
public func recordLength(_ datatype: MPI_Datatype?) -> Int {
  guard let datatype else { return 0 }
  var bytes: Int32 = 0
  MPI_Type_size(datatype, &bytes)
  return Int(bytes) / MemoryLayout<Int64>.stride
}
