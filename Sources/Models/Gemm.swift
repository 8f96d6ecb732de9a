import COneDNN

/// Sets the number of threads that this process's matrix products use; called once, by the thread
/// that trains, before the first model.
///
/// oneDNN runs on OpenMP, whose default is every core for every rank. The number is part of a
/// result's identity: products split over another number of threads may differ in the last bit.
public func setComputeThreads(_ count: Int) {
  guard count > 0, let threads = Int32(exactly: count) else {
    fatalError("\(count) is no number of compute threads: give 1 or more")
  }
  omp_set_num_threads(threads)
}

/// A row-major Float32 matrix in memory that outlives it, possibly a part of a wider one, possibly
/// read as its transpose.
struct Matrix {
  let base: UnsafePointer<Float>
  let rows: Int
  let columns: Int
  /// Elements from one row in memory to the next.
  let stride: Int
  fileprivate let isTransposed: Bool

  init(_ base: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    self.init(base, rows: rows, columns: columns, stride: stride ?? columns, isTransposed: false)
  }

  private init(
    _ base: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int, isTransposed: Bool
  ) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride
    self.isTransposed = isTransposed
  }

  var transposed: Matrix {
    Matrix(base, rows: columns, columns: rows, stride: stride, isTransposed: !isTransposed)
  }

  fileprivate var operation: CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }
}

extension ComputeContext {
  /// result = scale·a·b, or result += scale·a·b; `result` is row-major, a.rows × b.columns, its rows
  /// `stride` elements apart (nil: without a gap). What it held is not read unless accumulating.
  func multiply(
    _ a: Matrix, _ b: Matrix, scale: Float = 1, into result: UnsafeMutablePointer<Float>,
    stride: Int? = nil, accumulate: Bool = false
  ) {
    precondition(
      a.columns == b.rows,
      "matrices of \(a.columns) columns and \(b.rows) rows cannot be multiplied")
    if let shape = CompiledProduct.Shape(a, b, scale: scale, stride: stride, accumulate: accumulate)
    {
      CompiledProducts.all.run(shape, a.base, b.base, into: result)
    } else {
      let status = dnnl_sgemm(
        a.operation, b.operation, Int64(a.rows), Int64(b.columns), Int64(a.columns), scale, a.base,
        Int64(a.stride), b.base,
        Int64(b.stride), accumulate ? 1 : 0, result, Int64(stride ?? b.columns))
      guard status == dnnl_success else {
        fatalError(
          "oneDNN refused a matrix product of \(a.rows)×\(a.columns) and \(b.rows)×\(b.columns): status \(status.rawValue)"
        )
      }
    }
    productDone()
  }
}

extension CompiledProduct.Shape {
  /// Nil where sgemm is the faster: for few rows, for gradients of many rows, and where nothing is
  /// transposed. Nil too for parts of wider matrices.
  fileprivate init?(_ a: Matrix, _ b: Matrix, scale: Float, stride: Int?, accumulate: Bool) {
    let isWhole =
      a.stride == (a.isTransposed ? a.rows : a.columns)
      && b.stride == (b.isTransposed ? b.rows : b.columns)
    guard a.rows >= 32, a.isTransposed != b.isTransposed, isWhole, scale == 1,
      stride ?? b.columns == b.columns
    else { return nil }
    if a.isTransposed && a.columns > Self.mostGradientRows { return nil }
    self.init(
      transposed: a.isTransposed ? .left : .right, rows: a.rows, inner: a.columns,
      columns: b.columns, accumulate: accumulate)
  }

  /// How many rows of a batch a weight's gradient is best taken from at a time, where one can
  /// choose: measured on 1024 × 256 weights, 110 GFLOP/s with 128 rows, 98 with 2048 by sgemm.
  static let mostGradientRows = 128
}
