/// A row-major Float32 matrix without gaps, possibly read as its transpose.
public struct MatrixOperand {
  public let base: UnsafePointer<Float>
  /// Rows and columns in memory.
  public let rows: Int
  public let columns: Int
  public private(set) var isTransposed = false

  public init(_ base: UnsafePointer<Float>, rows: Int, columns: Int) {
    (self.base, self.rows, self.columns) = (base, rows, columns)
  }

  public var transposed: MatrixOperand {
    var other = self
    other.isTransposed.toggle()
    return other
  }
}

/// Multiplies matrices. The target has no products of its own: a trainer gives it those that the
/// model's layers compute with.
public protocol MatrixProducts: AnyObject {
  /// result = a·b, row-major; the result overlaps neither.
  func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into result: UnsafeMutablePointer<Float>)
}

/// What whole matrices are updated with: products, and memory that is kept from step to step.
public final class MatrixWorkspace {
  public let products: any MatrixProducts
  private var memory: UnsafeMutableRawPointer?
  private var bytes = 0

  public init(_ products: any MatrixProducts) { self.products = products }

  deinit { memory?.deallocate() }

  /// Memory for several arrays of Float32 values, each from a 64-byte border on. What an earlier
  /// call returned is lost.
  func arrays(_ counts: Int...) -> [UnsafeMutablePointer<Float>] {
    let sizes = counts.map { ($0 * MemoryLayout<Float>.stride + 63) / 64 * 64 }
    let needed = sizes.reduce(0, +)
    if needed > bytes {
      memory?.deallocate()
      memory = .allocate(byteCount: needed, alignment: 64)
      bytes = needed
    }
    var start = 0
    return zip(counts, sizes).map { count, size in
      defer { start += size }
      return (memory! + start).bindMemory(to: Float.self, capacity: count)
    }
  }
}
