import CVectorKernels
import MPI
import Vectors

/// The sums of ``DeterministicReducer``, made where the ranks' partial sums lie: for ranks of one
/// node, which have one copy of the weights between them.
///
/// Every rank has its partial sums in vectors that all ranks read, its r-th in the r-th: so all
/// know where a partial sum lies from the number of micro-batches alone. After a barrier each rank
/// adds up its shard of all of them, in the tree's order, into its first vector, whose shard no
/// other rank looks at; the ledger's reduction is the barrier after which vectors may be written
/// again. No byte is sent, and a rank with one micro-batch has one vector.
public final class SharedDeterministicReducer: GradientReducer {
  public let partition: ParameterPartition
  private let layout: TensorLayout
  private let rank: Int
  private let weights: SharedMemory
  /// The r-th of every rank.
  private var pool: [SharedVectors]
  /// The partial sums of this rank: the r-th is in the pool's r-th vector.
  private var nodes: [SummationTree.Node] = []
  private var sum: OrderedSum
  private var squares: [Double]

  /// Makes the reducer, with the vectors that a step with these shares needs. Collective; all
  /// ranks come to the same outcome.
  public static func make(
    _ layout: TensorLayout, shares: [Range<Int>], ranksPerNode: Int? = nil,
    on world: borrowing Communicator
  ) throws(MPIError) -> SharedOutcome<SharedDeterministicReducer> {
    let node =
      if let ranksPerNode { try world.split(color: world.rank / ranksPerNode) } else {
        try world.splitByNode()
      }
    let most = try world.allReduce(Int32(node.size), .maximum)
    try node.free()
    if most < world.size {
      if most == 1 { return .alone }
      return .refused(
        "the ranks are on several nodes, and the same bits at any number of ranks are summed by messages between them"
      )
    }
    let weights = try SharedMemory.makeWeights(layout, on: world)
    if let failure = try SharedMemory.firstFailure([weights.failure], on: world) {
      return .refused(failure)
    }
    let reducer = SharedDeterministicReducer(
      layout, weights: weights.memory!, rank: world.rank, of: world.size)
    if let failure = try reducer.grow(for: shares, on: world) { return .refused(failure) }
    return .made(reducer)
  }

  private init(_ layout: TensorLayout, weights: SharedMemory, rank: Int, of size: Int) {
    self.layout = layout
    self.rank = rank
    self.weights = weights
    partition = .sharded(layout, rank: rank, of: size, byTile: true)
    pool = []
    sum = OrderedSum(longest: partition.shardParts.reduce(0) { max($0, $1.range.count) })
    squares = [Double](repeating: 0, count: partition.shardParts.count)
  }

  public func makeParameters(on world: borrowing Communicator) throws -> Parameters {
    Parameters(
      weights.vector(layout), in: try SharedStore(place: rank, updating: partition.updated))
  }

  /// There is one, where micro-batches begin.
  public func makeGradient(on world: borrowing Communicator) -> FlatVector {
    pool[0].vector(ofRank: rank)
  }

  public func begin(_ microBatches: [Range<Int>], on world: borrowing Communicator) throws {
    if sum.shares == microBatches { return }
    if let failure = try grow(for: microBatches, on: world) {
      throw SharedMemoryFailure(description: failure)
    }
  }

  /// Makes the vectors that shares need; all ranks know how many. Says, on all ranks, where memory
  /// is lacking.
  private func grow(for shares: [Range<Int>], on world: borrowing Communicator) throws(MPIError)
    -> String?
  {
    let needed = shares.reduce(1) { max($0, SummationTree.mostNodes(of: $1)) }
    while pool.count < needed {
      let made = try SharedVectors.make(layout, on: world)
      if let failure = try SharedMemory.firstFailure([made.failure], on: world) { return failure }
      pool.append(made.vectors!)
    }
    sum.prepare(shares) { UnsafePointer(pool[$1].starts[$0]) }
    return nil
  }

  public func accumulate(
    _ microBatch: MicroBatch, into gradient: inout FlatVector, scratch: inout FlatVector?,
    by compute: (_ vector: inout FlatVector, _ adds: Bool) -> Void
  ) {
    let number = microBatch.number
    precondition(
      gradient.base == pool[nodes.count].starts[rank] && sum.shares[rank].contains(number),
      "micro-batch \(number) is none of those that the step began with")
    compute(&gradient, false)
    SummationTree.push(SummationTree.Node(start: number, level: 0), on: &nodes) { left, right in
      cvk_add(pool[left].starts[rank], pool[right].starts[rank], layout.elementCount)
    }
    if number + 1 < sum.shares[rank].upperBound {
      gradient = pool[nodes.count].vector(ofRank: rank)
    }
  }

  public func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> [Double]?
  {
    try world.meet()
    nodes.removeAll(keepingCapacity: true)
    gradient = pool[0].vector(ofRank: rank)
    for (index, part) in partition.shardParts.enumerated() {
      squares[index] = sum.add(part.range, into: &gradient)
    }
    return squares
  }
}

/// The additions of a step's partial sums in the tree's order, for one range after another.
private struct OrderedSum {
  private(set) var shares: [Range<Int>] = []
  /// A partial sum: one that a rank left, by its vector's first element, or one made here, in
  /// scratch.
  private enum Operand {
    case left(UnsafePointer<Float>)
    case made(slot: Int)
  }
  private var additions: [(left: Operand, right: Operand, slot: Int)] = []
  /// The one that is the sum, where there is nothing to add.
  private var only: UnsafePointer<Float>?
  private let scratch: Workspace
  /// A slot's length: the longest range.
  private let length: Int

  private final class Workspace {
    var memory: UnsafeMutableBufferPointer<Float> = .allocate(capacity: 0)
    deinit { memory.deallocate() }
  }

  init(longest length: Int) {
    self.length = length
    scratch = Workspace()
  }

  /// Finds the additions for these shares; `vector(rank, r)` is where a rank's r-th partial sum
  /// lies.
  mutating func prepare(_ shares: [Range<Int>], vector: (Int, Int) -> UnsafePointer<Float>) {
    self.shares = shares
    additions = []
    var operands: [Operand] = []
    var nodes: [SummationTree.Node] = []
    var slots = 0
    func merge(_ left: Int, _ right: Int) {
      // The slot of the left one's place is free, or its own: a kernel may write where it reads.
      additions.append((operands[left], operands[right], left))
      operands[left] = .made(slot: left)
      operands.removeLast()
      slots = max(slots, left + 1)
    }
    for (rank, share) in shares.enumerated() {
      for (index, node) in SummationTree.nodes(of: share).enumerated() {
        operands.append(.left(vector(rank, index)))
        SummationTree.push(node, on: &nodes, merge: merge)
      }
    }
    SummationTree.finish(operands.count, merge: merge)
    only = if case .left(let vector) = operands.first { vector } else { nil }
    if scratch.memory.count < slots * length {
      scratch.memory.deallocate()
      scratch.memory = .allocate(capacity: slots * length)
    }
  }

  /// Leaves the sum of a range in `gradient`; returns the sum of its squares.
  func add(_ range: Range<Int>, into gradient: inout FlatVector) -> Double {
    guard let last = additions.last else {
      guard let only else {
        gradient.setToZero(in: range)
        return 0
      }
      if only == UnsafePointer(gradient.base) { return gradient.squaredNorm(in: range) }
      return gradient.set(
        range, to: UnsafeBufferPointer(start: only + range.lowerBound, count: range.count))
    }
    func place(_ operand: Operand) -> UnsafePointer<Float> {
      switch operand {
      case .left(let vector): vector + range.lowerBound
      case .made(let slot): UnsafePointer(scratch.memory.baseAddress! + slot * length)
      }
    }
    for addition in additions.dropLast() {
      cvk_sum(
        scratch.memory.baseAddress! + addition.slot * length, place(addition.left),
        place(addition.right), range.count)
    }
    return gradient.set(range, toSumOf: place(last.left), and: place(last.right))
  }
}
