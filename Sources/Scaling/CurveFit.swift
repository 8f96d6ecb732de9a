/// y ≈ f(x; c) by least squares: Levenberg's and Marquardt's method (Marquardt 1963), derivatives
/// by central differences.
public struct CurveFit: Sendable, Equatable {
  public var parameters: [Estimate]
  /// √(Σ wᵢ rᵢ² / (points − parameters)); nil where there are no points to spare.
  public var residualDeviation: Double?
  /// Σ wᵢ rᵢ²
  public var residualSquares: Double

  /// Fits from a first guess; nil where the points are fewer than the parameters or do not
  /// determine them.
  ///
  /// Errors are those of the linearised problem at the solution, scaled by the residuals, as
  /// `scipy.optimize.curve_fit` gives them.
  public init?(
    _ points: [(x: Double, y: Double)], deviations: [Double]? = nil, start: [Double],
    _ curve: (_ x: Double, _ parameters: [Double]) -> Double
  ) {
    let (n, k) = (points.count, start.count)
    guard n >= k else { return nil }
    func residuals(_ c: [Double]) -> [Double] {
      points.indices.map { (points[$0].y - curve(points[$0].x, c)) / (deviations?[$0] ?? 1) }
    }
    func slopes(_ c: [Double]) -> [[Double]] {
      var rows = [[Double]](repeating: [Double](repeating: 0, count: k), count: n)
      for j in 0..<k {
        let step = 6e-6 * max(abs(c[j]), 1e-3)
        var (up, down) = (c, c)
        up[j] += step
        down[j] -= step
        for i in 0..<n {
          rows[i][j] =
            (curve(points[i].x, up) - curve(points[i].x, down)) / (2 * step) / (deviations?[i] ?? 1)
        }
      }
      return rows
    }

    var c = start
    var r = residuals(c)
    var damping = 1e-3
    for _ in 0..<500 {
      let rows = slopes(c)
      let lengths = (0..<k).map { j in sumOfSquares(rows.map { $0[j] }).squareRoot() }
      guard lengths.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
      // The damped step is a plain least-squares problem with a row more a parameter.
      let damped =
        rows + (0..<k).map { j in (0..<k).map { $0 == j ? damping.squareRoot() * lengths[j] : 0 } }
      guard let step = leastSquares(damped, r + [Double](repeating: 0, count: k))?.x else {
        return nil
      }
      let next = zip(c, step).map(+)
      let nextResiduals = residuals(next)
      let (before, after) = (sumOfSquares(r), sumOfSquares(nextResiduals))
      if after.isFinite && after <= before {
        (c, r) = (next, nextResiduals)
        damping = max(damping / 10, 1e-14)
        let isSmall = zip(step, c).allSatisfy { abs($0) <= 1e-12 * (abs($1) + 1e-12) }
        if isSmall || before - after <= 1e-15 * before && damping <= 1e-10 { break }
      } else {
        damping *= 10
        if damping > 1e12 { break }
      }
    }
    guard let final = leastSquares(slopes(c), r) else { return nil }
    let freedom = n - k
    let variance = freedom > 0 ? sumOfSquares(r) / Double(freedom) : nil
    parameters = c.indices.map { j in
      Estimate(
        value: c[j], standardError: variance.map { ($0 * final.inverse[j]).squareRoot() },
        degreesOfFreedom: freedom)
    }
    residualDeviation = variance?.squareRoot()
    residualSquares = sumOfSquares(r)
  }
}
