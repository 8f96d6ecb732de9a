import Glibc
import Models

/// Makes every product by one library, on so many threads, as the environment's
/// `LOCKSTEP_TEST_COMPUTE` says, such as `openblas:2`: the same tests then hold for each choice.
func obeyComputeChoice() {
  guard let text = getenv("LOCKSTEP_TEST_COMPUTE") else { return }
  let parts = String(cString: text).split(separator: ":")
  guard parts.count == 2, let library = ProductLibrary(rawValue: String(parts[0])),
    let threads = Int(parts[1])
  else { fatalError("LOCKSTEP_TEST_COMPUTE: wanted LIBRARY:THREADS") }
  ComputeSettings.current = ComputeSettings(by: library, threads: threads)
}

extension ComputeSettings {
  /// Every product by one library.
  init(by library: ProductLibrary, threads: Int = 1) {
    let lines = ProductShape.Layout.allCases.map { "\($0.rawValue) 64x64x64 \(library.rawValue)" }
    let table = ProductTable("cpu avx2-512-other a test\n" + lines.joined(separator: "\n"))!
    self.init(threads: threads, products: table.rows[0], openBLAS: .here())
  }
}
