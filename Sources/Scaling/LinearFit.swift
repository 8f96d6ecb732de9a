import Glibc

/// y ≈ Σⱼ cⱼ xⱼ by least squares, with the errors of the coefficients.
public struct LinearFit: Sendable, Equatable {
  /// One for each column; those of columns that were left out are 0, without an error.
  public var coefficients: [Estimate]
  /// √(Σ wᵢ rᵢ² / (points − coefficients)); nil where there are no points to spare.
  public var residualDeviation: Double?

  /// Fits rows of columns to values, each row weighted by 1/`deviations`² (all alike where nil).
  /// Nil where the columns are not independent.
  ///
  /// The covariance is scaled by the residuals, as `scipy.optimize.curve_fit` does without
  /// `absolute_sigma`.
  public init?(rows: [[Double]], values: [Double], deviations: [Double]? = nil) {
    self.init(
      rows: rows, values: values, deviations: deviations,
      columns: Array(0..<(rows.first?.count ?? 0)))
  }

  /// Fits with no coefficient below 0: of all choices of columns whose plain fit is positive, the
  /// one with the smallest residual, which is the solution of the non-negative problem. There are
  /// few columns, so that all choices can be tried.
  public static func nonNegative(rows: [[Double]], values: [Double], deviations: [Double]? = nil)
    -> LinearFit?
  {
    let count = rows.first?.count ?? 0
    precondition(count <= 10)
    var best: (fit: LinearFit, residual: Double)?
    for choice in 1..<(1 << count) {
      let columns = (0..<count).filter { choice >> $0 & 1 == 1 }
      guard columns.count <= rows.count,
        let fit = LinearFit(rows: rows, values: values, deviations: deviations, columns: columns),
        fit.coefficients.allSatisfy({ $0.value >= 0 })
      else { continue }
      let residuals: [Double] = rows.indices.map { row in
        (values[row] - fit.value(rows[row])) / (deviations?[row] ?? 1)
      }
      let residual = sumOfSquares(residuals)
      // Of choices that fit alike the one with fewer columns says more.
      if best.map({ residual < $0.residual * (1 - 1e-9) - 1e-300 }) ?? true {
        best = (fit, residual)
      }
    }
    return best?.fit
  }

  /// The fitted value of a row.
  public func value(_ row: [Double]) -> Double {
    zip(coefficients, row).reduce(0) { $0 + $1.0.value * $1.1 }
  }

  private init?(rows: [[Double]], values: [Double], deviations: [Double]?, columns: [Int]) {
    let (n, k) = (rows.count, columns.count)
    guard n >= k, k > 0, values.count == n else { return nil }
    let weighted = rows.indices.map { row in columns.map { rows[row][$0] / (deviations?[row] ?? 1) }
    }
    let targets = values.indices.map { values[$0] / (deviations?[$0] ?? 1) }
    guard let solution = leastSquares(weighted, targets) else { return nil }
    let freedom = n - k
    let variance = freedom > 0 ? solution.residualSquares / Double(freedom) : nil
    coefficients = [Estimate](
      repeating: Estimate(value: 0, standardError: nil, degreesOfFreedom: freedom),
      count: rows.first?.count ?? 0)
    for (place, column) in columns.enumerated() {
      coefficients[column] = Estimate(
        value: solution.x[place],
        standardError: variance.map { ($0 * solution.inverse[place]).squareRoot() },
        degreesOfFreedom: freedom)
    }
    residualDeviation = variance?.squareRoot()
  }
}

func sumOfSquares(_ values: some Sequence<Double>) -> Double {
  var sum = 0.0
  for value in values { sum += value * value }
  return sum
}

/// min ‖A x − b‖ by Householder's QR on columns scaled to length 1; also the diagonal of (AᵀA)⁻¹.
/// Nil where A's rank is not full.
func leastSquares(_ rows: [[Double]], _ values: [Double]) -> (
  x: [Double], residualSquares: Double, inverse: [Double]
)? {
  let (n, k) = (rows.count, rows.first?.count ?? 0)
  var (a, b) = (rows, values)
  let scales = (0..<k).map { column in
    sumOfSquares(rows.map { $0[column] }).squareRoot()
  }
  guard n >= k, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
  for i in 0..<n { for j in 0..<k { a[i][j] /= scales[j] } }
  for j in 0..<k {
    var v: [Double] = (j..<n).map { a[$0][j] }
    let norm = sumOfSquares(v).squareRoot()
    guard norm > 1e-10 else { return nil }
    v[0] += a[j][j] > 0 ? norm : -norm
    let length = sumOfSquares(v)
    func reflect(_ get: (Int) -> Double, _ set: (Int, Double) -> Void) {
      var product = 0.0
      for i in v.indices { product += v[i] * get(j + i) }
      product = product * 2 / length
      for i in v.indices { set(j + i, get(j + i) - product * v[i]) }
    }
    for column in j..<k { reflect({ a[$0][column] }, { a[$0][column] = $1 }) }
    reflect({ b[$0] }, { b[$0] = $1 })
  }
  func solve(_ right: [Double]) -> [Double] {
    var x = right
    for i in stride(from: k - 1, through: 0, by: -1) {
      for j in (i + 1)..<max(k, i + 1) { x[i] -= a[i][j] * x[j] }
      x[i] /= a[i][i]
    }
    return x
  }
  let x = solve(Array(b[..<k]))
  // (RᵀR)⁻¹ = R⁻¹R⁻ᵀ: its diagonal is the squared length of R⁻¹'s rows.
  let inverse = (0..<k).map { column in solve((0..<k).map { $0 == column ? 1 : 0 }) }
  let diagonal: [Double] = (0..<k).map { row in
    sumOfSquares(inverse.map { $0[row] }) / (scales[row] * scales[row])
  }
  return (zip(x, scales).map { $0 / $1 }, sumOfSquares(b[k...]), diagonal)
}
