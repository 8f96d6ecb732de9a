import CVectorKernels

/// Makes a matrix nearly orthogonal: of its singular values, those that are not far below the
/// largest become 0.7 to 1.2 (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>).
///
/// X ← X/‖X‖, then five times X ← aX + (bA + cA²)X with A = XXᵀ, as `torch.optim.Muon` does it but in
/// Float32. The smaller of the two dimensions is that of A: a tall matrix has A = XᵀX, from the
/// right.
struct NewtonSchulz {
  let coefficients: (a: Float, b: Float, c: Float) = (3.4445, -4.7750, 2.0315)
  let iterations = 5
  /// The least norm that is divided by: a zero matrix stays zero.
  let epsilon = 1e-7

  /// Replaces a row-major matrix. Costs 2·iterations·m·(2mn + m²) operations, m being the smaller
  /// dimension and n the other.
  func orthogonalize(
    _ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, in workspace: MatrixWorkspace
  ) {
    let (count, inner) = (rows * columns, min(rows, columns))
    let arrays = workspace.arrays(count, inner * inner, inner * inner)
    let (spare, gram, factor, products) = (arrays[0], arrays[1], arrays[2], workspace.products)
    cvk_scale(x, Float(1 / max(cvk_sum_of_squares(x, count).squareRoot(), epsilon)), count)
    var (from, to) = (x, spare)
    for _ in 0..<iterations {
      let matrix = MatrixOperand(from, rows: rows, columns: columns)
      let isTall = rows > columns
      products.multiply(
        isTall ? matrix.transposed : matrix, isTall ? matrix : matrix.transposed, into: gram)
      let square = MatrixOperand(gram, rows: inner, columns: inner)
      products.multiply(square, square, into: factor)
      // c·A² + b·A + a, by which one product makes the next X.
      cvk_combine(factor, gram, coefficients.c, coefficients.b, inner * inner)
      for index in 0..<inner { factor[index * inner + index] += coefficients.a }
      let polynomial = MatrixOperand(factor, rows: inner, columns: inner)
      products.multiply(isTall ? matrix : polynomial, isTall ? polynomial : matrix, into: to)
      swap(&from, &to)
    }
    if from != x { x.update(from: from, count: count) }
  }
}
