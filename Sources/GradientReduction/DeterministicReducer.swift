import CVectorKernels
import MPI
import Vectors

/// A reducer whose sums have the same bits at any number of ranks, whatever MPI does.
///
/// For ranks of one node ``SharedDeterministicReducer`` makes the same sums without messages. MPI
/// only moves data here, it never adds: every rank sends the partial sums of its micro-batches
/// (``SummationTree``) to the owners of the slices, and each owner adds them in the tree's order.
/// Nothing is rounded to make it so, and no precision is lost: the result is an ordinary Float32
/// sum, always the same one. With one micro-batch a rank it moves as many bytes as a
/// reduce-scatter; a rank whose micro-batches make up k ≤ 2·log₂ nodes sends k times that, and
/// keeps k vectors. Slices are of whole tiles, so that what is computed from a slice does not
/// depend on its borders either.
///
/// Why a run has the same bits at any number of ranks: by induction over the steps, given equal
/// weights, optimiser state and memory before one.
/// 1. Micro-batch j is the same samples in a batch of the same capacity at any rank count, so its
///   gradient, loss and norms are functions of j and the weights; scratch and earlier calls leave
///   no mark.
/// 2. A rank's micro-batches are contiguous. It adds those pairs of nodes that lie within its
///   range, the owner of a slice the rest, and every addition is one of the tree's, elementwise and
///   correctly rounded, left and right operand being interchangeable. A node that is cut by the
///   last micro-batch is added at the end, from the right, by the owner alone. So the sum is that
///   of the tree, wherever its parts were made.
/// 3. Sums over elements (squares, powers, penalties, distances, an update's norms) run over one
///   tile in a fixed order and over tiles and micro-batches exactly (``GradientNorms/ExactSum``);
///   a peak is a largest value over micro-batches or tiles. So a reduced ledger is the same but
///   for the ranks that its peaks name and the count of ranks that are not finite, on which nothing
///   depends but words. Decision, rate and noise scale are functions of ledgers and of their own
///   memory.
/// 4. Clip, penalty, uphill step and update are elementwise with coefficients from step 3, or by
///   rows, which no tile cuts. The kernels fuse no multiplication with an addition, so an
///   element's result does not depend on its place in a vector register.
///
/// What it rests on: every rank has the same programs, the same instruction set (oneDNN chooses its
/// kernels by the CPU) and the same number of compute threads. What depends on the division by its
/// nature, a clip or an uphill step of each worker's own, an experiment refuses. `lockstep verify`
/// checks all this on a real run.
public final class DeterministicReducer: GradientReducer {
  public let partition: ParameterPartition
  private let layout: TensorLayout
  private let slices: [Range<Int>]
  /// Does not follow from the partition: of a small model one rank's shard may be everything, and all
  /// must take part in the same messages.
  private let isSharded: Bool
  /// The micro-batches of each rank in this step.
  private var shares: [Range<Int>] = []
  /// The partial sums of this rank, with the vectors that hold them; spare vectors are kept for the
  /// next step.
  private var nodes: [SummationTree.Node] = []
  private var sums: [Box] = []
  private var spare: [Box] = []
  private var received: UnsafeMutableBufferPointer<Float> = .allocate(capacity: 0)

  /// A vector that can be put into a list.
  private final class Box {
    var vector: FlatVector
    init(_ layout: TensorLayout) { vector = FlatVector(zeros: layout) }
  }

  /// `sharded` says whether a rank updates its slice alone, or all weights.
  public init(_ layout: TensorLayout, sharded: Bool, on world: borrowing Communicator) {
    let size = world.size
    self.layout = layout
    isSharded = sharded
    slices = (0..<size).map { layout.slice($0, of: size) }
    partition =
      sharded
      ? .sharded(layout, rank: world.rank, of: size, byTile: true)
      : .replicated(layout, rank: world.rank, of: size, byTile: true)
  }

  deinit { received.deallocate() }

  public func makeParameters(on world: borrowing Communicator) -> Parameters {
    Parameters(layout, gathering: isSharded ? slices.map(\.count) : nil)
  }

  public func makeGradient(on world: borrowing Communicator) -> FlatVector {
    FlatVector(zeros: layout)
  }

  public func begin(_ microBatches: [Range<Int>], on world: borrowing Communicator) {
    shares = microBatches
  }

  public func accumulate(
    _ microBatch: MicroBatch, into gradient: inout FlatVector, scratch: inout FlatVector?,
    by compute: (_ vector: inout FlatVector, _ adds: Bool) -> Void
  ) {
    compute(&gradient, false)
    let box = spare.popLast() ?? Box(layout)
    swap(&box.vector, &gradient)
    sums.append(box)
    SummationTree.push(SummationTree.Node(start: microBatch.number, level: 0), on: &nodes) {
      left, right in
      sums[left].vector.add(sums[right].vector)
      spare.append(sums.removeLast())
    }
  }

  public func reduce(_ gradient: inout FlatVector, on world: borrowing Communicator)
    throws(MPIError) -> [Double]?
  {
    let sources = shares.map { SummationTree.nodes(of: $0) }
    // Round r moves every rank's r-th partial sum; ranks with fewer send nothing. All ranks know
    // how many rounds there are.
    let rounds = sources.map(\.count).max() ?? 0
    let mine = partition.shard.count
    reserve(mine * sources.reduce(0) { $0 + $1.count })
    var start = 0
    var places = sources.map { _ in [Int]() }
    let lengths = slices.map(\.count)
    for round in 0..<rounds {
      let counts = sources.map { $0.count > round ? mine : 0 }
      for rank in sources.indices where sources[rank].count > round {
        places[rank].append(start)
        start += mine
      }
      let end = start
      let begin = end - counts.reduce(0, +)
      var part = MutableSpan(
        _unsafeElements: UnsafeMutableBufferPointer(rebasing: received[begin..<end]))
      if round < sums.count {
        let whole = Span(
          _unsafeStart: UnsafePointer(sums[round].vector.base), count: layout.elementCount)
        try world.allToAll(whole, counts: lengths, into: &part, received: counts)
      } else {
        try world.allToAll(Span(), counts: lengths.map { _ in 0 }, into: &part, received: counts)
      }
    }
    let squares = addInOrder(
      zip(sources, places).flatMap { zip($0, $1).map { (node: $0, place: $1) } }, into: &gradient)
    nodes.removeAll(keepingCapacity: true)
    spare.append(contentsOf: sums)
    sums.removeAll(keepingCapacity: true)
    if !isSharded {
      var elements = gradient.mutableElements
      try world.allGather(inPlace: &elements, counts: lengths)
    }
    return squares
  }

  /// Adds the received partial sums of this rank's slice, tile by tile so that they stay in
  /// cache; returns each tile's squares.
  private func addInOrder(
    _ parts: [(node: SummationTree.Node, place: Int)], into gradient: inout FlatVector
  ) -> [Double] {
    guard let base = received.baseAddress, !parts.isEmpty else {
      for range in partition.shard.ranges { gradient.setToZero(in: range) }
      return partition.shardParts.map { _ in 0 }
    }
    // The additions are the same for every tile: found once.
    var additions: [(left: Int, right: Int)] = []
    var nodes: [SummationTree.Node] = []
    var places: [Int] = []
    func merge(_ left: Int, _ right: Int) {
      additions.append((places[left], places[right]))
      places.removeLast()
    }
    for part in parts {
      places.append(part.place)
      SummationTree.push(part.node, on: &nodes, merge: merge)
    }
    SummationTree.finish(places.count, merge: merge)
    return partition.shardParts.map { part in
      let offset = part.range.lowerBound - partition.shard.lowerBound
      for addition in additions {
        cvk_add(base + addition.left + offset, base + addition.right + offset, part.range.count)
      }
      return gradient.set(
        part.range,
        to: UnsafeBufferPointer(start: base + places[0] + offset, count: part.range.count))
    }
  }

  private func reserve(_ count: Int) {
    guard received.count < count else { return }
    received.deallocate()
    received = .allocate(capacity: count)
    received.initialize(repeating: 0)
  }
}
