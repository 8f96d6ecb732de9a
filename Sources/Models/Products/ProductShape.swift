import Glibc

/// A matrix product y = a·b as far as its speed depends on it: how a and b lie in memory, and the
/// three extents.
public struct ProductShape: Hashable, Sendable {
  /// How a and b lie in memory, by BLAS's letters: N as they are read, T transposed.
  public enum Layout: String, CaseIterable, Sendable {
    /// y = a·b, by which a layer's gradient reaches its inputs.
    case plain = "NN"
    /// y = a·bᵀ, what a layer does to its inputs.
    case byTransposed = "NT"
    /// y = aᵀ·b, the gradient of a layer's weights.
    case ofTransposed = "TN"
    /// y = aᵀ·bᵀ.
    case bothTransposed = "TT"
    /// y = a·bᵀ by the same b again and again, as in the steps of a recurrent network.
    case repeated = "NT*"
  }

  public let layout: Layout
  /// y is rows × columns; each element is the sum of `inner` products.
  public let rows: Int
  public let columns: Int
  public let inner: Int

  public init(_ layout: Layout, rows: Int, columns: Int, inner: Int) {
    (self.layout, self.rows, self.columns, self.inner) = (layout, rows, columns, inner)
  }

  /// Multiplications and additions.
  public var operations: Double { 2 * Double(rows) * Double(columns) * Double(inner) }

  /// How far another shape of this layout is, in factors of two of its extents; nil for another
  /// layout.
  func distance(to other: ProductShape) -> Double? {
    guard layout == other.layout else { return nil }
    return [(rows, other.rows), (columns, other.columns), (inner, other.inner)].reduce(0) {
      $0 + abs(log2(Double($1.0) / Double($1.1)))
    }
  }
}
