import Recording

/// The instructions that a program's results were computed with, on which their last bits depend.
public struct CPUInstructions: Sendable, Equatable, Codable {
  /// What Lockstep's own kernels use: `avx512`, `avx2`, `baseline`, or `portable` where the CPU is
  /// no x86-64.
  public var kernels: String
  /// The most that oneDNN may use, in its own words: `avx2`, `avx512_core`, …
  public var onednn: String

  /// OpenBLAS's version and the CPU that its kernels are for, such as `0.3.21 Zen`; nil where it
  /// makes no product.
  public var openblas: String?
  /// The row of the table of products that chooses each product's library, such as `avx2-512-amd`; nil
  /// in records of earlier versions.
  public var products: String?

  public init(kernels: String, onednn: String, openblas: String? = nil, products: String? = nil) {
    (self.kernels, self.onednn) = (kernels, onednn)
    (self.openblas, self.products) = (openblas, products)
  }
}

extension CPUInstructions: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("kernels", kernels)
      $0.field("onednn", onednn)
      if let openblas { $0.field("openblas", openblas) }
      if let products { $0.field("products", products) }
    }
  }
}
