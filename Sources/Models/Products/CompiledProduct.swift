import COneDNN

/// A matrix product that oneDNN has compiled for one form.
///
/// With `packing`, b is first brought into the blocks that the product reads: once for all products by
/// the same b. Where either is faster than oneDNN's sgemm, which is compiled for no shape, depends on
/// the CPU: ``ProductTable`` has it.
final class CompiledProduct {
  private let product: Primitive
  /// Brings b into blocks.
  private let pack: Primitive?
  private let blocks = Workspace()

  /// Takes matrices that lie as `a` and `b` do; rows of y are `stride` elements apart. `packing` has
  /// b in blocks of this object's own, which ``take(_:)`` fills.
  init(_ a: Matrix, _ b: Matrix, stride: Int, accumulate: Bool, packing: Bool) {
    var first = dnnl_memory_desc_t(a)
    let plain = dnnl_memory_desc_t(b)
    var second = packing ? dnnl_memory_desc_t([b.rows, b.columns], dnnl_format_tag_any) : plain
    var y = dnnl_memory_desc_t(rows: a.rows, columns: b.columns, strides: (stride, 1))
    var operation = dnnl_matmul_desc_t()
    check(dnnl_matmul_desc_init(&operation, &first, &second, nil, &y), "describe a product")
    let descriptor = PrimitiveDescriptor(operation, adding: accumulate)
    let chosen = descriptor.layout(dnnl_query_weights_md)
    product = Primitive(
      descriptor, [(DNNL_ARG_SRC, first), (DNNL_ARG_WEIGHTS, chosen), (DNNL_ARG_DST, y)])
    pack = packing ? .copy(from: plain, to: chosen) : nil
    if packing { blocks.reserve(chosen.floatCount) }
  }

  /// Reads b, for all products that follow with `isTaken`.
  func take(_ b: UnsafePointer<Float>) { pack?.run(b, blocks.base) }

  func run(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, isTaken: Bool,
    into y: UnsafeMutablePointer<Float>
  ) {
    if pack == nil { return product.run(a, b, y) }
    if !isTaken { take(b) }
    product.run(a, blocks.base, y)
  }
}

extension dnnl_memory_desc_t {
  fileprivate init(_ matrix: Matrix) {
    self.init(
      rows: matrix.rows, columns: matrix.columns,
      strides: matrix.isTransposed ? (1, matrix.stride) : (matrix.stride, 1))
  }
}
