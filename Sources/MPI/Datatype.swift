import CMPI

/// A Swift type that MPI can send and reduce: its memory is what MPI's type of the same name
/// describes (MPI 3.1 §3.2.2).
///
/// A program may add its own: a `BitwiseCopyable` struct whose `mpiDatatype` it has built and
/// committed in C. Sends nothing.
public protocol Datatype: BitwiseCopyable, Sendable {
  /// The raw `MPI_Datatype` of one element.
  static var mpiDatatype: MPI_Datatype { get }
}

extension Float: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_float() }
}
extension Double: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_double() }
}
extension Int32: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_int32() }
}
extension Int64: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_int64() }
}
extension Int: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_int64() }
}
extension UInt8: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_uint8() }
}
extension UInt64: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_uint64() }
}

/// A value and where it was found, for ``Reduction/maximumWithLocation``: `MPI_DOUBLE_INT` (MPI 3.1
/// §5.9.4).
public struct ValueAndRank: Datatype, Equatable {
  /// What is compared.
  public var value: Double
  /// Where it was found: a rank's number, or any other.
  public var location: Int32

  /// A value found there.
  public init(_ value: Double, at location: Int32) {
    self.value = value
    self.location = location
  }

  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_double_int() }
}
