import Glibc
import MPI

/// Bytes that all ranks of a node read and one of them fills: one copy in shared memory, or, where that is too small, one a rank.
final class NodeMemory: @unchecked Sendable {
  // Filled by one rank before any reads, read-only from then on; it lives as long as MPI or the process.
  private let window: SharedWindow<UInt8>?
  let bytes: UnsafeMutableRawBufferPointer
  let isShared: Bool

  /// Whether this rank is to fill the bytes; every rank of the node must wait for that before it reads.
  let isFiller: Bool

  /// Makes the memory; collective over `node`. `filler` is the rank that fills a shared copy, so that different sets are read at the same time
  /// by different ranks.
  init(count: Int, on node: borrowing Communicator, filler: Int) throws {
    let filler = filler % node.size
    let hasRoom = node.size > 1 && Self.sharedMemoryRoom > count + count / 8
    isShared = try node.allReduce(Int32(hasRoom ? 1 : 0), .minimum) == 1
    if isShared {
      let window = try SharedWindow<UInt8>(on: node, count: node.rank == filler ? count : 0)
      bytes = UnsafeMutableRawBufferPointer(window.address(of: filler))
      isFiller = node.rank == filler
      self.window = consume window
    } else {
      bytes = .allocate(byteCount: count, alignment: 64)
      isFiller = true
      window = nil
    }
  }

  // A window's end is collective, so it is left to MPI's.
  deinit { if window == nil { bytes.deallocate() } }

  /// Free bytes of the file system that shared memory lives in; containers often give it 64 MB.
  private static var sharedMemoryRoom: Int {
    var status = statvfs()
    guard statvfs("/dev/shm", &status) == 0 else { return 0 }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }
}
