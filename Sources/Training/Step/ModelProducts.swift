import Models
import Optimizers

/// The matrix products of an optimiser, by the one function that every model's layers multiply with:
/// the same library, threads and bits.
///
/// Optimizers do not import models, which they know nothing of; training, which knows both, connects
/// them.
package final class ModelProducts: MatrixProducts {
  private let compute = ComputeContext()

  package init() {}

  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into result: UnsafeMutablePointer<Float>
  ) {
    compute.multiply(Matrix(a), Matrix(b), into: result)
  }
}

extension Matrix {
  fileprivate init(_ operand: MatrixOperand) {
    let matrix = Matrix(operand.base, rows: operand.rows, columns: operand.columns)
    self = operand.isTransposed ? matrix.transposed : matrix
  }
}
