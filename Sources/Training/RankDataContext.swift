import Configuration
import GradientReduction
import Data
import MPI

/// The ranks of a communicator as those that open a data set, on communicators of their own.
struct RankDataContext: ~Copyable, DataContext {
  private let world: Communicator
  private let node: Communicator

  /// Collective over `world`; ``free()`` ends it.
  init(on world: borrowing Communicator) throws {
    let ranks = try world.duplicate()
    let node = try world.splitByNode()
    self.world = ranks
    self.node = node
  }

  consuming func free() throws {
    try world.free()
    try node.free()
  }

  var rank: Int { world.rank }
  var size: Int { world.size }
  var readsForNode: Bool { node.rank == 0 }

  borrowing func succeedOnAllRanks<Value>(_ body: () throws -> Value) throws -> Value {
    try world.succeedOnAllRanks(body)
  }

  borrowing func broadcast(_ values: [Int64]) throws -> [Int64] { try world.broadcast(values) }

  borrowing func sum(_ values: [Int64]) throws -> [Int64] {
    var sums = values
    var span = sums.mutableSpan
    try world.allReduce(&span, .sum)
    return sums
  }

  borrowing func sharedBytes(count: Int, filler: Int) throws -> SharedBytes {
    let mine = node.rank == filler % node.size
    guard node.size > 1,
      let memory = try SharedMemory.make(
        byteCount: count, claiming: 0..<(mine ? count : 0), on: node
      ).memory
    else {
      return SharedBytes(count: count)
    }
    return SharedBytes(
      UnsafeMutableRawBufferPointer(start: memory.start, count: count), isFiller: mine,
      keeping: memory)
  }
}

extension TrainingData {
  /// Opens and reads an experiment's data. Collective; a bad file ends the job with one message.
  public init(_ choice: Experiment.DataChoice, seed: Int, on world: borrowing Communicator) throws {
    let context = try RankDataContext(on: world)
    self = try choice.recipe.open(seed: UInt64(seed), on: context)
    try context.free()
  }
}
