import Glibc

/// How fast each library makes a product on one thread.
public struct ProductTiming: Sendable {
  public let shape: ProductShape
  /// Floating-point operations a second; the median of several turns.
  public let speeds: [(library: ProductLibrary, speed: Double)]

  /// Times all libraries that this machine has, in turns.
  ///
  /// A turn takes each about `seconds`; what is not counted before it brings matrices into the
  /// caches, where the layer before leaves them.
  public init(_ shape: ProductShape, turns: Int = 5, seconds: Double = 0.003) {
    let openBLAS = OpenBLAS.here()
    let row = ProductTable.measured.row(for: .here)
    let settings = ComputeSettings(products: row, openBLAS: openBLAS)
    let libraries = ProductLibrary.allCases.filter { $0 != .openBLAS || openBLAS != nil }
    let (a, b, y) = (Workspace(), Workspace(), Workspace())
    a.reserve(shape.rows * shape.inner)
    b.reserve(shape.inner * shape.columns)
    y.reserve(shape.rows * shape.columns)
    for index in 0..<a.count { a.base[index] = Float(index % 7) - 3 }
    for index in 0..<b.count { b.base[index] = Float(index % 5) - 2 }
    let (first, second) = shape.matrices(a.base, b.base)
    let form = ProductForm(
      first, second, stride: shape.columns, accumulate: false, isScaled: false)
    let plans = libraries.map { ProductPlan(form, first, second, settings, library: $0) }
    var times = [[Double]](repeating: [], count: plans.count)
    for plan in plans { plan.take(b.base) }
    let isTaken = shape.layout == .repeated
    for _ in 0..<turns {
      for (index, plan) in plans.enumerated() {
        let start = now()
        plan.run(a.base, b.base, isTaken: isTaken, into: y.base)
        let count = max(1, Int(seconds / max(now() - start, 1e-7)))
        let begin = now()
        for _ in 0..<count { plan.run(a.base, b.base, isTaken: isTaken, into: y.base) }
        times[index].append((now() - begin) / Double(count))
      }
    }
    self.shape = shape
    speeds = zip(libraries, times).map { ($0, shape.operations / $1.sorted()[turns / 2]) }
  }
}

extension ProductShape {
  /// Matrices of this shape without gaps.
  fileprivate func matrices(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) -> (
    Matrix, Matrix
  ) {
    let isLeft = layout == .ofTransposed || layout == .bothTransposed
    let isRight = layout != .plain && layout != .ofTransposed
    return (
      isLeft
        ? Matrix(a, rows: inner, columns: rows).transposed
        : Matrix(a, rows: rows, columns: inner),
      isRight
        ? Matrix(b, rows: columns, columns: inner).transposed
        : Matrix(b, rows: inner, columns: columns)
    )
  }
}

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
