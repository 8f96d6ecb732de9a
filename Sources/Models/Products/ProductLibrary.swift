/// A way to make a matrix product.
public enum ProductLibrary: String, CaseIterable, Sendable {
  /// oneDNN's `dnnl_sgemm`, which is made for no shape.
  case oneDNN = "onednn"
  /// oneDNN's matmul, compiled for the shape.
  case compiled = "onednn-compiled"
  /// The same, with b brought into the blocks that it reads.
  case packed = "onednn-packed"
  /// OpenBLAS's `cblas_sgemm`.
  case openBLAS = "openblas"

  /// What does the same where OpenBLAS cannot be had.
  var withoutOpenBLAS: ProductLibrary { self == .openBLAS ? .oneDNN : self }
}
