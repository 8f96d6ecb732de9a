import Coordination
import MPI

/// Bytes that all ranks of a node read and one of them fills: one copy in shared memory, or, where they cannot share any, one a rank.
final class NodeMemory: @unchecked Sendable {
  // Filled by one rank before any reads, read-only from then on.
  private let memory: SharedMemory?
  let bytes: UnsafeMutableRawBufferPointer

  /// Whether this rank is to fill the bytes; every rank of the node must wait for that before it reads.
  let isFiller: Bool

  /// Makes the memory; collective over `node`. `filler` is the rank that fills a shared copy, so that different sets are read at the same time
  /// by different ranks.
  init(count: Int, on node: borrowing Communicator, filler: Int) throws {
    let mine = node.rank == filler % node.size
    memory = node.size > 1 ? try SharedMemory.make(byteCount: count, claiming: 0..<(mine ? count : 0), on: node).memory : nil
    isFiller = mine || memory == nil
    bytes = memory.map { UnsafeMutableRawBufferPointer(start: $0.start, count: count) } ?? .allocate(byteCount: count, alignment: 64)
  }

  deinit { if memory == nil { bytes.deallocate() } }
}
