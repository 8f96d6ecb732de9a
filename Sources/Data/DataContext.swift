/// The ranks that open a data set together, without a word of MPI: what one rank reads, others may
/// share.
///
/// Every call is collective: all ranks make it, in the same order. The properties are not.
public protocol DataContext: ~Copyable {
  /// This rank's number, from 0, and how many ranks there are: by these a long reading is divided.
  var rank: Int { get }
  var size: Int { get }

  /// Whether this rank reads for the others of its node.
  var readsForNode: Bool { get }

  /// Runs `body` on every rank and returns once it has succeeded on all of them, which makes it a
  /// barrier too. Where it throws, the job ends with the error of the lowest such rank.
  borrowing func succeedOnAllRanks<Value>(_ body: () throws -> Value) throws -> Value

  /// Rank 0's values, on every rank.
  borrowing func broadcast(_ values: [Int64]) throws -> [Int64]

  /// The sums of all ranks' values, place by place, on every rank.
  borrowing func sum(_ values: [Int64]) throws -> [Int64]

  /// Bytes that the ranks of a node share. The rank that is to fill them (`filler`, a number within
  /// the node, taken modulo its size) finds ``SharedBytes/isFiller`` true; the others read after
  /// the next ``succeedOnAllRanks(_:)``.
  borrowing func sharedBytes(count: Int, filler: Int) throws -> SharedBytes
}

/// Bytes that one rank fills and others read: one copy for all ranks of a node, or, where they
/// cannot share any, one for each.
public final class SharedBytes: @unchecked Sendable {
  // Filled by one rank before any reads, read-only from then on.
  public let bytes: UnsafeMutableRawBufferPointer
  /// Whether this rank is to fill the bytes.
  public let isFiller: Bool
  private let owner: AnyObject?

  /// Memory of this process alone, which it fills itself; 64-byte aligned.
  public init(count: Int) {
    bytes = .allocate(byteCount: count, alignment: 64)
    isFiller = true
    owner = nil
  }

  /// Memory that `owner` holds for as long as it lives.
  public init(_ bytes: UnsafeMutableRawBufferPointer, isFiller: Bool, keeping owner: AnyObject) {
    (self.bytes, self.isFiller, self.owner) = (bytes, isFiller, owner)
  }

  deinit { if owner == nil { bytes.deallocate() } }
}
