import Vectors

/// A rule for the matrices of hidden layers, each of which it updates as a whole (Muon).
///
/// All other tensors are updated by ``other``. A matrix has one owner, which computes its direction
/// from all of its elements: the same bits whichever rank it is. A tensor of
/// more than two dimensions is a matrix with a row for each first index, so a convolution's weight
/// has `inputs/groups·kernel²` columns.
public protocol MatrixRule: OptimizerRule {
  /// What updates all other tensors; its moments are the first of this rule's.
  var other: any OptimizerRule { get }

  /// The learning rate of ``other`` in parts of this rule's.
  var otherRate: Double { get }

  /// Takes `factor`·g of some of a matrix's elements into the moments, and leaves in g's place what
  /// the direction is made of. Element by element, so all ranks that update the matrix have the same.
  func accumulate(_ step: UpdateStep)

  /// Makes the direction of that, in its place. The ``OptimizerRule/update(_:)`` that follows has the
  /// direction as its gradient, in pieces.
  func direct(_ matrix: MatrixStep)

  /// The work that an update of a matrix is, in updates of single elements: by it the matrices are
  /// divided among the ranks.
  func load(rows: Int, columns: Int) -> Int
}

/// A whole matrix that is to become a direction.
public struct MatrixStep {
  public let rows: Int
  public let columns: Int
  /// The elements, row by row.
  public let values: UnsafeMutablePointer<Float>
  public let workspace: MatrixWorkspace
}

extension TensorLayout.Segment {
  /// Rows and columns of the tensor as a matrix.
  var matrixShape: (rows: Int, columns: Int) { (shape[0], count / max(shape[0], 1)) }
}
