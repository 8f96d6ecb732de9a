import COneDNN
import Synchronization

/// A matrix product that oneDNN has compiled for one shape: y = a·bᵀ, what a layer does to its
/// inputs, or y = aᵀ·b, its weights' gradient.
///
/// Against oneDNN's sgemm, which is compiled for no shape, it saves 4 to 6 % on the layers of a
/// small transformer, 30 % where rows of b are 1024 elements (rows that are a power of two apart
/// share few cache lines), and 23 % where a recurrent network multiplies by the same b at each of
/// its steps, since b is brought into the blocks that the product reads once for all of them.
final class CompiledProduct {
  struct Shape: Hashable {
    enum Transposed { case left, right }

    let transposed: Transposed
    /// y is rows × columns; each element is the sum of `inner` terms.
    let rows: Int
    let inner: Int
    let columns: Int
    let accumulate: Bool
  }

  private let product: Primitive
  /// Brings b into blocks.
  private let pack: Primitive?
  private let blocks = Workspace()

  /// `packing` has b in blocks of this object's own, which ``take(_:)`` fills.
  init(_ shape: Shape, packing: Bool) {
    let isLeft = shape.transposed == .left
    var a = dnnl_memory_desc_t(
      rows: shape.rows, columns: shape.inner, strides: isLeft ? (1, shape.rows) : (shape.inner, 1))
    let plain = dnnl_memory_desc_t(
      rows: shape.inner, columns: shape.columns,
      strides: isLeft ? (shape.columns, 1) : (1, shape.inner))
    var b = packing ? dnnl_memory_desc_t([shape.inner, shape.columns], dnnl_format_tag_any) : plain
    var y = dnnl_memory_desc_t(
      rows: shape.rows, columns: shape.columns, strides: (shape.columns, 1))
    var operation = dnnl_matmul_desc_t()
    check(dnnl_matmul_desc_init(&operation, &a, &b, nil, &y), "describe a product")
    let descriptor = PrimitiveDescriptor(operation, adding: shape.accumulate)
    let chosen = descriptor.layout(dnnl_query_weights_md)
    product = Primitive(
      descriptor, [(DNNL_ARG_SRC, a), (DNNL_ARG_WEIGHTS, chosen), (DNNL_ARG_DST, y)])
    pack = packing ? .copy(from: plain, to: chosen) : nil
    if packing { blocks.reserve(chosen.floatCount) }
  }

  /// Reads b, for all products that follow.
  func take(_ b: UnsafePointer<Float>) { pack!.run(b, blocks.base) }

  /// By the b that was taken.
  func run(_ a: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    product.run(a, blocks.base, y)
  }

  func run(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    if pack == nil { return product.run(a, b, y) }
    take(b)
    run(a, into: y)
  }
}

extension ComputeContext {
  /// y = a·b by the b that the product has taken.
  func run(
    _ product: CompiledProduct, _ a: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    product.run(a, into: y)
    productDone()
  }
}

/// All shapes' products that were asked for, each made once, and used by one thread at a time.
final class CompiledProducts: @unchecked Sendable {
  static let all = CompiledProducts()

  private let lock = Mutex(())
  private var made: [CompiledProduct.Shape: CompiledProduct] = [:]

  func run(
    _ shape: CompiledProduct.Shape, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    lock.withLock { _ in product(shape).run(a, b, into: y) }
  }

  private func product(_ shape: CompiledProduct.Shape) -> CompiledProduct {
    if let product = made[shape] { return product }
    // With many rows it costs less to bring b into blocks before than on the way.
    let product = CompiledProduct(shape, packing: shape.transposed == .right && shape.rows >= 256)
    made[shape] = product
    return product
  }
}
