/// A row-major Float32 matrix in memory that outlives it, possibly a part of a wider one, possibly
/// read as its transpose.
package struct Matrix {
  let base: UnsafePointer<Float>
  let rows: Int
  let columns: Int
  /// Elements from one row in memory to the next.
  let stride: Int
  let isTransposed: Bool

  package init(_ base: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
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

  package var transposed: Matrix {
    Matrix(base, rows: columns, columns: rows, stride: stride, isTransposed: !isTransposed)
  }

  /// Some of its rows.
  func rows(_ range: Range<Int>) -> Matrix {
    Matrix(
      base + range.lowerBound * (isTransposed ? 1 : stride), rows: range.count, columns: columns,
      stride: stride, isTransposed: isTransposed)
  }

  /// Some of its columns.
  func columns(_ range: Range<Int>) -> Matrix { transposed.rows(range).transposed }

  /// The same part of a matrix that lies elsewhere.
  func at(_ base: UnsafePointer<Float>) -> Matrix {
    Matrix(base, rows: rows, columns: columns, stride: stride, isTransposed: isTransposed)
  }
}

extension ComputeContext {
  /// result = scale·a·b, or result += scale·a·b; `result` is row-major, a.rows × b.columns, its rows
  /// `stride` elements apart (nil: without a gap). What it held is not read unless accumulating.
  ///
  /// Which library computes it, and in how many pieces, is a function of shapes and of the
  /// context's settings.
  package func multiply(
    _ a: Matrix, _ b: Matrix, scale: Float = 1, into result: UnsafeMutablePointer<Float>,
    stride: Int? = nil, accumulate: Bool = false
  ) {
    precondition(
      a.columns == b.rows,
      "matrices of \(a.columns) columns and \(b.rows) rows cannot be multiplied")
    let form = ProductForm(
      a, b, stride: stride ?? b.columns, accumulate: accumulate, isScaled: scale != 1)
    plan(form, a, b).run(a.base, b.base, scale: scale, into: result)
    productDone()
  }
}

/// What a product's plan is made for: everything but the places of its matrices and its scale.
struct ProductForm: Hashable {
  let shape: ProductShape
  private let aStride: Int
  private let bStride: Int
  let stride: Int
  let accumulate: Bool
  let isScaled: Bool

  init(_ a: Matrix, _ b: Matrix, stride: Int, accumulate: Bool, isScaled: Bool) {
    let layout: ProductShape.Layout =
      a.isTransposed
      ? (b.isTransposed ? .bothTransposed : .ofTransposed)
      : (b.isTransposed ? .byTransposed : .plain)
    shape = ProductShape(layout, rows: a.rows, columns: b.columns, inner: a.columns)
    (aStride, bStride, self.stride) = (a.stride, b.stride, stride)
    (self.accumulate, self.isScaled) = (accumulate, isScaled)
  }
}
