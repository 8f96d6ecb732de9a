import COpenMPI

/// A Swift type that MPI can send and reduce: its memory is what MPI's type of the same name
/// describes.
public protocol Datatype: BitwiseCopyable, Sendable {
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
extension UInt8: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_uint8() }
}
extension UInt64: Datatype {
  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_uint64() }
}

/// A value and where it was found, for ``Reduction/maximumWithLocation``: `MPI_DOUBLE_INT`.
public struct ValueAndRank: Datatype, Equatable {
  public var value: Double
  public var location: Int32

  public init(_ value: Double, at location: Int32) {
    self.value = value
    self.location = location
  }

  @inlinable public static var mpiDatatype: MPI_Datatype { cmpi_double_int() }
}
