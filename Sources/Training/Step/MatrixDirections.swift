import Configuration
import GradientNorms
import GradientReduction
import MPI
import Optimizers
import Reports
import Vectors

/// The directions of the matrices that an optimiser updates as a whole (Muon).
///
/// A matrix that one rank alone updates is directed there, and no byte is sent. With a replicated
/// gradient all ranks have its momentum, the rank whose shard has the matrix directs it and
/// broadcasts the direction, 4 bytes an element: so the work is divided there too, and replicas stay
/// equal also where ranks compute with other libraries or numbers of threads.
final class MatrixDirections {
  private struct Matrix {
    let tensor: Int
    let segment: TensorLayout.Segment
    /// Whether this rank makes the direction.
    let isMine: Bool
    /// The rank that broadcasts the direction; nil where the others do not need it.
    let sender: Int?
  }

  private let matrices: [Matrix]
  private let workspace = MatrixWorkspace(ModelProducts())

  /// Finds the owners of some tensors. Collective where there are any: two small allreduces.
  ///
  /// Throws where a partition divides a matrix between ranks, which only a reducer of the user's own
  /// does. One that lets all ranks update a matrix which no shard has whole makes each direct it for
  /// itself.
  init(
    _ tensors: [Int], of layout: TensorLayout, _ partition: ParameterPartition,
    on world: borrowing Communicator
  ) throws {
    let segments = tensors.map { layout.segments[$0] }
    guard !segments.isEmpty else {
      matrices = []
      return
    }
    let holds = segments.map { partition.updated.contains($0.range) }
    try world.succeedOnAllRanks {
      for (segment, holds) in zip(segments, holds)
      where !holds && partition.updated.ranges.contains(where: segment.range.overlaps) {
        throw RunFailure(
          .usage,
          "the reducer divides \(segment.name) among ranks, which the optimizer updates as a whole: use a reducer that updates everything on each rank, or none of your own"
        )
      }
    }
    let (rank, size) = (Int32(world.rank), Int32(world.size))
    var holders = holds.map { $0 ? Int32(1) : 0 }
    var holderSpan = holders.mutableSpan
    try world.allReduce(&holderSpan, .sum)
    var owners = segments.map { partition.shard.contains($0.range) ? rank : -1 }
    var ownerSpan = owners.mutableSpan
    try world.allReduce(&ownerSpan, .maximum)
    matrices = segments.indices.compactMap { index in
      guard holds[index] else { return nil }
      let isShared = size > 1 && holders[index] == size && owners[index] >= 0
      return Matrix(
        tensor: tensors[index], segment: segments[index],
        isMine: !isShared || owners[index] == rank,
        sender: isShared ? Int(owners[index]) : nil)
    }
  }

  /// Leaves the directions in the place of the gradients. Collective where directions are shared.
  func direct(
    _ optimizer: inout Optimizer, _ gradient: inout FlatVector, _ parameters: Parameters,
    _ decision: StepDecision, on world: borrowing Communicator
  ) throws(MPIError) {
    for matrix in matrices {
      optimizer.accumulate(
        &gradient, weights: parameters.weights, matrix: matrix.segment,
        factor: decision.factor(ofTensor: matrix.tensor))
      if matrix.isMine { optimizer.direct(&gradient, matrix: matrix.segment, in: workspace) }
    }
    for matrix in matrices {
      guard let sender = matrix.sender else { continue }
      let range = matrix.segment.range
      var span = MutableSpan(
        _unsafeStart: gradient.base + range.lowerBound, count: range.count)
      try world.broadcast(&span, from: sender)
    }
  }
}
