import COneDNN
import CVectorKernels
import Synchronization
import Vectors

/// How a process computes: by which libraries, on how many threads, divided how.
public struct ComputeSettings: Sendable {
  let threads: ComputeThreads
  /// How many threads a rank computes on.
  public var threadCount: Int { threads.count }
  /// Whether work is divided by its shape alone, so that any number of threads makes the same bits.
  /// Otherwise it is divided by the number of threads, and not at all for one.
  let isDividedByShape: Bool
  /// Which library makes which product.
  public let products: ProductTable.Row
  /// Nil where no product is OpenBLAS's: what the row gives it is oneDNN's then.
  public let openBLAS: OpenBLAS?

  public init(
    threads: Int = 1, isDividedByShape: Bool = false, products row: ProductTable.Row,
    openBLAS: OpenBLAS?
  ) {
    self.threads = ComputeThreads(threads)
    (self.isDividedByShape, products, self.openBLAS) = (isDividedByShape, row, openBLAS)
  }

  /// What contexts that are made from now on compute with: at first one thread, and the fastest
  /// libraries of this machine.
  public static var current: ComputeSettings {
    get {
      settings.withLock { settings in
        if let settings { return settings }
        let row = ProductTable.measured.row(for: .here)
        let here = ComputeSettings(products: row, openBLAS: row.usesOpenBLAS ? .here() : nil)
        settings = here
        return here
      }
    }
    set { settings.withLock { $0 = newValue } }
  }

  private static let settings = Mutex<ComputeSettings?>(nil)
}

/// Makes contexts from now on compute with `count` threads.
public func setComputeThreads(_ count: Int) {
  let now = ComputeSettings.current
  ComputeSettings.current = ComputeSettings(
    threads: count, isDividedByShape: now.isDividedByShape, products: now.products,
    openBLAS: now.openBLAS)
}
