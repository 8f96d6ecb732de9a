import Glibc
import Synchronization

/// OpenBLAS, which is opened while the program runs, and only where the table of products wants it:
/// so a machine without it can train too, and no thread of its own starts before this process says
/// that it wants none.
public final class OpenBLAS: Sendable {
  private typealias SGEMM =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private typealias Text = @convention(c) () -> UnsafePointer<CChar>?

  private let sgemm: SGEMM
  /// Its own words, such as `0.3.21`.
  public let version: String
  /// The kind of CPU that its kernels are of: `Zen`, `Haswell`, `SkylakeX`, …
  public let core: String

  /// `0.3.21 Zen`.
  public var name: String { "\(version) \(core)" }

  private static let opened = Mutex<OpenBLAS?>(nil)

  /// This machine's, opened when it is first asked for; nil where it has none.
  ///
  /// `core` forces its kernels to be those of a kind of CPU; nil for the CPU's own, or the
  /// environment's `OPENBLAS_CORETYPE`. Once opened, it keeps its core: another is not honoured.
  public static func here(core: String? = nil) -> OpenBLAS? {
    opened.withLock {
      if $0 == nil { $0 = OpenBLAS(core: core) }
      return $0
    }
  }

  private init?(core: String?) {
    // It computes on the thread that calls it: threads of ours split a product.
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    if let core { setenv("OPENBLAS_CORETYPE", core, 1) }
    guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL),
      let sgemm = dlsym(library, "cblas_sgemm"),
      let config = dlsym(library, "openblas_get_config"),
      let name = dlsym(library, "openblas_get_corename")
    else { return nil }
    self.sgemm = unsafeBitCast(sgemm, to: SGEMM.self)
    let words = Self.text(config).split(separator: " ")
    version = words.first { $0.first?.isNumber == true }.map(String.init) ?? "unknown"
    self.core = Self.text(name)
  }

  private static func text(_ symbol: UnsafeMutableRawPointer) -> String {
    unsafeBitCast(symbol, to: Text.self)().map { String(cString: $0) } ?? ""
  }

  /// y = scale·a·b, or y += scale·a·b.
  func multiply(
    _ a: Matrix, _ b: Matrix, scale: Float, into y: UnsafeMutablePointer<Float>, stride: Int,
    accumulate: Bool
  ) {
    let (rowMajor, plain, transposed): (Int32, Int32, Int32) = (101, 111, 112)
    sgemm(
      rowMajor, a.isTransposed ? transposed : plain, b.isTransposed ? transposed : plain,
      Int32(a.rows), Int32(b.columns), Int32(a.columns), scale, a.base, Int32(a.stride), b.base,
      Int32(b.stride), accumulate ? 1 : 0, y, Int32(stride))
  }
}
