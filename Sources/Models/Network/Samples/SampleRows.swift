/// Some rows of a matrix for each sample of a micro-batch: a text's tokens, an image's pixels, or
/// one.
struct SampleRows {
  let base: UnsafePointer<Float>
  let samples: Int
  /// Those of a sample.
  let rows: Int
  let columns: Int
  /// Elements from a sample's row to its next.
  let stride: Int
  /// Elements from a sample's first row to the next sample's.
  private let gap: Int

  /// A sample's rows follow one another; or, `byTime`, all samples' first rows, then their second.
  init(
    _ base: UnsafePointer<Float>, samples: Int, rows: Int, columns: Int, byTime: Bool = false
  ) {
    (self.base, self.samples, self.rows, self.columns) = (base, samples, rows, columns)
    (stride, gap) = byTime ? (samples * columns, columns) : (columns, rows * columns)
  }

  /// Where a sample's rows begin.
  subscript(_ sample: Int) -> UnsafePointer<Float> { base + sample * gap }

  func matrix(_ sample: Int) -> Matrix {
    Matrix(self[sample], rows: rows, columns: columns, stride: stride)
  }
}
