/// y = a·bᵀ for many a and one b, which is read once: the step of a recurrent network.
final class RepeatedProduct {
  private let plan: ProductPlan
  private let compute: ComputeContext
  private var b: UnsafePointer<Float>?

  /// For a of rows × inner and b of columns × inner, without gaps.
  init(rows: Int, columns: Int, inner: Int, by compute: ComputeContext) {
    // A plan reads no matrix; it only wants to know how they lie.
    let nowhere = UnsafePointer<Float>(bitPattern: 64)!
    let a = Matrix(nowhere, rows: rows, columns: inner)
    let b = Matrix(nowhere, rows: columns, columns: inner).transposed
    let shape = ProductShape(.repeated, rows: rows, columns: columns, inner: inner)
    plan = ProductPlan(
      ProductForm(a, b, stride: columns, accumulate: false, isScaled: false), a, b,
      compute.settings, library: compute.settings.library(for: shape))
    self.compute = compute
  }

  /// Reads b, which stays where it is and as it is while products are made of it.
  func take(_ b: UnsafePointer<Float>) {
    plan.take(b)
    self.b = b
  }

  /// By the b that was taken.
  func run(_ a: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    plan.run(a, b!, isTaken: true, into: y)
    compute.productDone()
  }
}
