import CVectorKernels

/// The squared norm of every sample's gradient, which layers add up in the backward pass that makes
/// the micro-batch's, from what they compute anyway (Goodfellow 2015, arXiv 1510.01799; Li et al.
/// 2021, arXiv 2110.05679).
///
/// Norms are exact up to Float32's rounding of products; sums are in Double. What it allocates
/// grows with the largest sample and tensor, never with the number of samples, but for an embedding
/// that a head shares.
public final class SampleSquares {
  /// Σ (scale·∂lossᵢ/∂w)² over all tensors, by the sample's place in the micro-batch.
  public private(set) var sums: [Double] = []
  /// What each sample's part of the gradient is multiplied by, a function of its square; nil leaves
  /// gradients as they are.
  ///
  /// The tensors' gradients are then made after the backward pass of all layers, when the squares
  /// are known, from the gradients of the layers' results with the rows of each sample times its
  /// factor: one backward pass, and as many products as without. What these are made of is kept
  /// until then: the network's memory holds the gradients of the results of all layers with
  /// tensors at a time, about as much again as their activations.
  public var factor: ((_ square: Double) -> Double)?
  /// By the sample's place in the micro-batch, after a pass with a ``factor``.
  public private(set) var factors: [Float] = []
  private let mayReplaceProducts: Bool
  unowned let compute: ComputeContext
  let tokens = TokenSums()
  private let scratch = Workspace()

  /// For a model, whose ``ComputeContext/sampleSquares`` it then is.
  ///
  /// - Parameters:
  ///   - compute: what the model computes with.
  ///   - mayMakeGradients: whether a product of each sample may be added to a weight's gradient
  ///     instead of the one product of the micro-batch, where that is faster: the gradient is then
  ///     rounded otherwise than without squares.
  public init(by compute: ComputeContext, mayMakeGradients: Bool) {
    (self.compute, mayReplaceProducts) = (compute, mayMakeGradients)
  }

  /// Whether a product of a sample may be added to a weight's gradient: not where it gets a factor
  /// that is not known yet.
  var mayMakeGradients: Bool { mayReplaceProducts && factor == nil }

  /// A pass over so many samples begins, of a model with such an obstacle to measuring them.
  func begin(_ samples: Int, obstacle: String?) {
    if let obstacle { preconditionFailure(obstacle) }
    sums.removeAll(keepingCapacity: true)
    sums.append(contentsOf: repeatElement(0, count: samples))
  }

  /// Adds what one of a sample's tensors has as the square of its gradient.
  public func add(_ square: Double, to sample: Int) { sums[sample] += square }

  /// Adds the squares of Σ of each sample's rows: the gradient of a bias, from ∂loss/∂ the rows that
  /// it is added to; `times` tensors have the same.
  func addColumnSums(_ d: SampleRows, times: Double = 1) {
    for sample in 0..<d.samples { sums[sample] += times * squareOfColumnSums(d.matrix(sample)) }
  }

  func squareOfColumnSums(_ d: Matrix) -> Double {
    if d.rows == 1 { return cvk_sum_of_squares(d.base, d.columns) }
    scratch.reserve(d.columns)
    if d.stride == d.columns {
      cvk_column_sums(scratch.base, d.base, d.rows, d.columns, 0)
    } else {
      scratch.base.update(from: d.base, count: d.columns)
      for row in 1..<d.rows { cvk_add(scratch.base, d.base + row * d.stride, d.columns) }
    }
    return cvk_sum_of_squares(scratch.base, d.columns)
  }

  /// Adds the squares of Σ x∘d over each sample's rows: the gradient of what scales each column of
  /// `x`. Both lie without gaps.
  func addColumnProducts(_ d: SampleRows, _ x: SampleRows) {
    scratch.reserve(d.columns)
    for sample in 0..<d.samples {
      cvk_column_products(scratch.base, d[sample], x[sample], d.rows, d.columns, 0)
      sums[sample] += cvk_sum_of_squares(scratch.base, d.columns)
    }
  }
}

// What becomes of the squares where each sample's gradient gets a factor.
extension SampleSquares {
  /// Makes the factors of the squares. A square that is not finite has the factor 1, so that the
  /// gradient shows it.
  func makeFactors() {
    guard let factor else { return }
    factors.removeAll(keepingCapacity: true)
    for sum in sums { factors.append(sum.isFinite ? Float(factor(sum)) : 1) }
  }

  /// Multiplies the rows of each sample by its factor, in their place.
  func scale(_ rows: SampleRows) {
    for sample in 0..<rows.samples where factors[sample] != 1 {
      let first = UnsafeMutablePointer(mutating: rows[sample])
      if rows.stride == rows.columns {
        cvk_scale(first, factors[sample], rows.rows * rows.columns)
      } else {
        for row in 0..<rows.rows {
          cvk_scale(first + row * rows.stride, factors[sample], rows.columns)
        }
      }
    }
  }
}

extension SampleSquares {
  /// The multiply-adds in whose time an element of a weight's gradient is written, squared and
  /// added.
  private static let costOfElement = 24

  /// Adds ‖dᵢᵀxᵢ‖² for each sample i: the gradient of a weight [d's columns, x's columns] that
  /// multiplies the rows of `x`, `d` being ∂loss/∂ the products.
  ///
  /// - Parameter gradient: where the weight's gradient goes, if it may be made here.
  /// - Returns: whether it was, so that the caller need not.
  @discardableResult
  func addProduct(
    _ d: SampleRows, _ x: SampleRows, into gradient: UnsafeMutablePointer<Float>? = nil,
    accumulate: Bool = false
  ) -> Bool {
    let size = d.columns * x.columns
    let isCheapest = d.rows * d.rows * (d.columns + x.columns) > size * Self.costOfElement
    guard d.rows > 1, let gradient, mayMakeGradients, isCheapest else {
      for sample in 0..<d.samples { sums[sample] += square(d.matrix(sample), x.matrix(sample)) }
      return false
    }
    for sample in 0..<d.samples {
      sums[sample] += squareOfProduct(d.matrix(sample), x.matrix(sample))
      if accumulate || sample > 0 {
        cvk_add(gradient, scratch.base, size)
      } else {
        gradient.update(from: scratch.base, count: size)
      }
    }
    return true
  }

  /// ‖dᵀx‖², by the fewest operations.
  func square(_ d: Matrix, _ x: Matrix) -> Double {
    let (rows, size) = (d.rows, d.columns * x.columns)
    if rows == 1 {
      return cvk_sum_of_squares(d.base, d.columns) * cvk_sum_of_squares(x.base, x.columns)
    }
    return rows * rows * (d.columns + x.columns) <= size * (rows + Self.costOfElement)
      ? squareOfSimilarities(d, x) : squareOfProduct(d, x)
  }

  /// ‖dᵀx‖² as the sum over rows s and t of ⟨d_s, d_t⟩·⟨x_s, x_t⟩.
  private func squareOfSimilarities(_ d: Matrix, _ x: Matrix) -> Double {
    let count = d.rows * d.rows
    scratch.reserve(2 * count)
    let (ofD, ofX) = (scratch.base, scratch.base + count)
    compute.multiply(d, d.transposed, into: ofD)
    compute.multiply(x, x.transposed, into: ofX)
    return cvk_dot(ofD, ofX, count)
  }

  /// ‖dᵀx‖², and leaves dᵀx in the scratch.
  private func squareOfProduct(_ d: Matrix, _ x: Matrix) -> Double {
    let size = d.columns * x.columns
    scratch.reserve(size)
    compute.multiply(d.transposed, x, into: scratch.base)
    return cvk_sum_of_squares(scratch.base, size)
  }
}
