import Recording

/// The instructions that a program's results were computed with, on which their last bits depend.
public struct CPUInstructions: Sendable, Equatable, Codable {
  /// What Lockstep's own kernels use: `avx512`, `avx2`, `baseline`, or `portable` where the CPU is
  /// no x86-64.
  public var kernels: String
  /// The most that oneDNN may use, in its own words: `avx2`, `avx512_core`, …
  public var onednn: String

  public init(kernels: String, onednn: String) { (self.kernels, self.onednn) = (kernels, onednn) }
}

extension CPUInstructions: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("kernels", kernels)
      $0.field("onednn", onednn)
    }
  }
}
