import Models
import Recording
import Training

/// What `Launch/bench --products` makes a row of the table of products from: a line of JSON about
/// the CPU, then one a shape, each timed when it is asked for.
public struct ProductTimings: Sequence, IteratorProtocol {
  private var shapes: [ProductShape]?

  public init() {}

  public mutating func next() -> JSONText? {
    var line = JSONText()
    guard var left = shapes else {
      shapes = ProductShape.ofWorkloads
      let table = ProductTable.measured.row(for: .here)
      line.object {
        $0.field("cpu", cpuName())
        $0.field("kind", CPUKind.here.description)
        $0.field("row", table.cpu.description)
        $0.field("onednn", computeLibraryVersion())
        $0.field("openblas", OpenBLAS.here()?.name)
      }
      return line
    }
    guard !left.isEmpty else { return nil }
    let shape = left.removeFirst()
    shapes = left
    let timing = ProductTiming(shape)
    line.object {
      $0.field("layout", shape.layout.rawValue)
      $0.field("rows", shape.rows)
      $0.field("columns", shape.columns)
      $0.field("inner", shape.inner)
      $0.field("chosen", ComputeSettings.current.library(for: shape).rawValue)
      $0.key("gflops")
      $0.object {
        for (library, speed) in timing.speeds { $0.field(library.rawValue, speed * 1e-9) }
      }
    }
    return line
  }
}
