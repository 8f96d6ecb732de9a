import MPI
import Synchronization
import Vectors

/// A vector for each rank of a node, all in memory that each of them reads and writes.
struct SharedVectors {
  private let memory: SharedMemory
  private let layout: TensorLayout
  /// The first element of each rank's vector; each starts at a page of its own.
  let starts: [UnsafeMutablePointer<Float>]

  /// Makes vectors of zeros, each rank claiming its own. Collective over `node`; nil on all ranks
  /// where it failed on one, and `failure` says why there.
  static func make(_ layout: TensorLayout, on node: borrowing Communicator) throws(MPIError) -> (
    vectors: SharedVectors?, failure: String?
  ) {
    let bytes = SharedMemory.wholePages(max(layout.elementCount, 1) * MemoryLayout<Float>.stride)
    let size = node.size
    let made = try SharedMemory.make(
      byteCount: bytes * size, claiming: node.rank * bytes..<(node.rank + 1) * bytes, on: node)
    let vectors = made.memory.map { memory in
      SharedVectors(
        memory: memory, layout: layout,
        starts: (0..<size).map { (memory.start + $0 * bytes).assumingMemoryBound(to: Float.self) })
    }
    return (vectors, made.failure)
  }

  /// A rank's vector; as often as it is asked for, the same memory.
  func vector(ofRank rank: Int) -> FlatVector {
    FlatVector(layout, at: starts[rank], keptBy: memory)
  }
}

/// Memory that was to be shared is lacking.
struct SharedMemoryFailure: Error, CustomStringConvertible {
  let description: String
}

extension SharedMemory {
  /// Makes one vector that all ranks of a node have between them, each claiming its slice.
  /// Collective over `node`.
  static func makeWeights(_ layout: TensorLayout, on node: borrowing Communicator) throws(MPIError)
    -> (
      memory: SharedMemory?, failure: String?
    )
  {
    let stride = MemoryLayout<Float>.stride
    let slice = layout.slice(node.rank, of: node.size)
    return try make(
      byteCount: layout.elementCount * stride,
      claiming: slice.lowerBound * stride..<slice.upperBound * stride, on: node)
  }

  /// All of it as a vector; as often as it is asked for, the same memory.
  func vector(_ layout: TensorLayout) -> FlatVector {
    FlatVector(layout, at: start.assumingMemoryBound(to: Float.self), keptBy: self)
  }

  /// What failed on the first rank where something did, on every rank. Collective.
  static func firstFailure(_ failures: [String?], on world: borrowing Communicator) throws(MPIError)
    -> String?
  {
    let failure = failures.compactMap { $0 }.first
    let first = try world.allReduce(
      ValueAndRank(failure == nil ? 0 : 1, at: Int32(world.rank)), .maximumWithLocation)
    if first.value == 0 { return nil }
    return try world.broadcast(
      failure.map { "rank \(world.rank) on \(hostName()): \($0)" } ?? "", from: Int(first.location))
  }
}

extension Communicator {
  /// Waits for all ranks; what each wrote before to memory that they share, all see after.
  borrowing func meet() throws(MPIError) {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    try barrier()
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }
}
