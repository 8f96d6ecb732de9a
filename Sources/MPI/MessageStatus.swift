import CMPI

/// What MPI says of a message: who sent it, under which tag, how long it is (`MPI_Status`, MPI 3.1
/// §3.2.5).
public struct MessageStatus: Equatable, Sendable {
  /// The rank that sent it.
  public let source: Int
  /// The tag that it was sent under.
  public let tag: Int
  /// Its number of elements (MPI_Get_count), of the type that it was received or probed as.
  public let count: Int

  /// Throws where the message is no whole number of elements.
  @usableFromInline
  init(_ status: MPI_Status, of datatype: MPI_Datatype, _ call: StaticString) throws(MPIError) {
    var status = status
    var count: Int32 = 0
    try check(MPI_Get_count(&status, datatype, &count), "MPI_Get_count")
    guard count >= 0 else {
      throw MPIError(
        call: call.description, code: MPI_ERR_TYPE,
        text: "the message of rank \(status.MPI_SOURCE) with tag \(status.MPI_TAG) is no whole"
          + " number of elements of this type, or more than MPI counts")
    }
    (source, tag, self.count) = (Int(status.MPI_SOURCE), Int(status.MPI_TAG), Int(count))
  }
}

/// Whose messages a receive or a probe takes: a rank's number, or `.any`.
public protocol MessageSource {
  /// The rank; nil for all of them.
  var mpiSource: Int? { get }
}

/// Messages with which tag a receive or a probe takes: a number, or `.any`.
public protocol MessageTag {
  /// The tag; nil for all of them.
  var mpiTag: Int? { get }
}

extension Int: MessageSource, MessageTag {
  @inlinable public var mpiSource: Int? { self }
  @inlinable public var mpiTag: Int? { self }
}

/// Every rank of the communicator (`MPI_ANY_SOURCE`, MPI 3.1 §3.2.4): `from: .any`.
@frozen
public struct AnySource: MessageSource, Sendable {
  @inlinable public init() {}
  @inlinable public var mpiSource: Int? { nil }
}

/// Every tag (`MPI_ANY_TAG`, MPI 3.1 §3.2.4): `tag: .any`.
@frozen
public struct AnyTag: MessageTag, Sendable {
  @inlinable public init() {}
  @inlinable public var mpiTag: Int? { nil }
}

extension MessageSource where Self == AnySource {
  /// Every rank of the communicator.
  @inlinable public static var any: AnySource { AnySource() }
}

extension MessageTag where Self == AnyTag {
  /// Every tag.
  @inlinable public static var any: AnyTag { AnyTag() }
}

extension Communicator {
  /// A source as MPI takes it.
  @inlinable
  borrowing func mpiSource(_ source: some MessageSource, _ call: StaticString) throws(MPIError)
    -> Int32
  {
    guard let rank = source.mpiSource else { return MPI_ANY_SOURCE }
    return try mpiRank(rank, call)
  }

  /// A tag to receive as MPI takes it.
  @inlinable
  borrowing func mpiTag(_ tag: some MessageTag, _ call: StaticString) throws(MPIError) -> Int32 {
    guard let number = tag.mpiTag else { return MPI_ANY_TAG }
    return try mpiTag(sent: number, call)
  }

  /// A tag to send as MPI takes it: MPI itself refuses one above its own bound (`MPI_TAG_UB`, MPI
  /// 3.1 §8.1.2), which is at least 32767.
  @usableFromInline
  borrowing func mpiTag(sent tag: Int, _ call: StaticString) throws(MPIError) -> Int32 {
    try require(tag >= 0 && tag <= Int32.max, call, "tag \(tag) is not within 0…\(Int32.max)")
    return Int32(tag)
  }
}
