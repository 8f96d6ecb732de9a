/// `torch.optim.Muon`'s orthogonalisation of a row-major matrix, one value at a time in Double: X ←
/// X/‖X‖, then five times X ← aX + (bA + cA²)X with A = XXᵀ; a tall matrix is transposed for it.
func newtonSchulz(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
  guard rows <= columns else {
    let wide = newtonSchulz(
      transposed(matrix, rows: rows, columns: columns), rows: columns, columns: rows)
    return transposed(wide, rows: columns, columns: rows)
  }
  let (a, b, c) = (3.4445, -4.7750, 2.0315)
  let norm = matrix.reduce(0) { $0 + $1 * $1 }.squareRoot()
  var x = matrix.map { $0 / max(norm, 1e-7) }
  for _ in 0..<5 {
    let gram = product(x, transposed(x, rows: rows, columns: columns), rows, columns, rows)
    let square = product(gram, gram, rows, rows, rows)
    let factor = zip(gram, square).map { b * $0 + c * $1 }
    x = zip(x, product(factor, x, rows, rows, columns)).map { a * $0 + $1 }
  }
  return x
}

private func transposed(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
  (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }
}

/// rows × inner by inner × columns.
private func product(_ a: [Double], _ b: [Double], _ rows: Int, _ inner: Int, _ columns: Int)
  -> [Double]
{
  var result = [Double](repeating: 0, count: rows * columns)
  for row in 0..<rows {
    for k in 0..<inner {
      let factor = a[row * inner + k]
      for column in 0..<columns {
        result[row * columns + column] += factor * b[k * columns + column]
      }
    }
  }
  return result
}
