import Models
import Testing
import Vectors

/// Matrix products by each library, in any number of pieces, against sums in Double; and the table
/// that chooses the library.
@Suite struct ProductTests {
  /// Every shape by `library`.
  private func settings(_ library: ProductLibrary, threads: Int = 1, isDividedByShape: Bool = false)
    -> ComputeSettings
  {
    let lines = ProductShape.Layout.allCases.map { "\($0.rawValue) 64x64x64 \(library.rawValue)" }
    let table = ProductTable("cpu avx2-512-other a test\n" + lines.joined(separator: "\n"))!
    return ComputeSettings(
      threads: threads, isDividedByShape: isDividedByShape, products: table.rows[0],
      openBLAS: .here())
  }

  /// y = scale·a·b, or added to what was there, of matrices with gaps; and how far the farthest value
  /// is from its sum in Double, in the roundings that its sum may have.
  private func product(
    _ layout: ProductShape.Layout, _ rows: Int, _ columns: Int, _ inner: Int, gap: Int = 0,
    scale: Float = 1, accumulate: Bool = false, isChecked: Bool = true, _ settings: ComputeSettings
  ) -> (values: [Float], error: Double) {
    let isLeft = layout == .ofTransposed || layout == .bothTransposed
    let isRight = layout == .byTransposed || layout == .bothTransposed
    let (aStride, bStride) = ((isLeft ? rows : inner) + gap, (isRight ? inner : columns) + gap)
    let stride = columns + gap
    var state = UInt64(rows * 31 + columns * 7 + inner)
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1
        return Float(Int(state >> 40) - (1 << 23)) / Float(1 << 23)
      }
    }
    let a = values((isLeft ? inner : rows) * aStride)
    let b = values((isRight ? columns : inner) * bStride)
    let before = values(rows * stride)
    var y = before
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        y.withUnsafeMutableBufferPointer { y in
          let first =
            isLeft
            ? Matrix(a.baseAddress!, rows: inner, columns: rows, stride: aStride).transposed
            : Matrix(a.baseAddress!, rows: rows, columns: inner, stride: aStride)
          let second =
            isRight
            ? Matrix(b.baseAddress!, rows: columns, columns: inner, stride: bStride).transposed
            : Matrix(b.baseAddress!, rows: inner, columns: columns, stride: bStride)
          ComputeContext(settings).multiply(
            first, second, scale: scale, into: y.baseAddress!, stride: stride,
            accumulate: accumulate)
        }
      }
    }
    guard isChecked else { return (y, 0) }
    var error = 0.0
    for i in 0..<rows {
      for j in 0..<columns {
        let at = i * stride + j
        var sum = accumulate ? Double(before[at]) : 0
        var magnitude = abs(sum)
        for k in 0..<inner {
          let left = isLeft ? a[k * aStride + i] : a[i * aStride + k]
          let right = isRight ? b[j * bStride + k] : b[k * bStride + j]
          let term = Double(scale) * Double(left) * Double(right)
          sum += term
          magnitude += abs(term)
        }
        // As many roundings as there are terms, each of half a unit in the last place.
        error = max(error, abs(Double(y[at]) - sum) / (magnitude * Double(inner + 2) * 0x1p-24))
      }
      // What lies in the gaps is left alone.
      for j in columns..<stride where y[i * stride + j] != before[i * stride + j] {
        error = .infinity
      }
    }
    return (y, error)
  }

  @Test(arguments: ProductLibrary.allCases) func everyLibraryMultiplies(_ library: ProductLibrary) {
    let extents = [(1, 1, 1), (5, 3, 7), (33, 70, 129), (130, 65, 1), (20, 20, 400)]
    for layout in ProductShape.Layout.allCases where layout != .repeated {
      for (rows, columns, inner) in extents {
        for (gap, scale, accumulate) in [(0, Float(1), false), (3, 1, true), (2, -0.25, false)] {
          let result = product(
            layout, rows, columns, inner, gap: gap, scale: scale, accumulate: accumulate,
            settings(library))
          #expect(result.error <= 1, "\(library) \(layout) \(rows)×\(columns)×\(inner)")
        }
      }
    }
  }

  /// Divided by shape, a product has the same bits on any number of threads; the shapes are those
  /// that are divided, and one that is not.
  @Test(arguments: ProductLibrary.allCases) func threadsShowInNoBit(_ library: ProductLibrary) {
    for layout in ProductShape.Layout.allCases where layout != .repeated {
      for (rows, columns, inner) in [
        (64, 1000, 300), (700, 64, 200), (400, 400, 100), (20, 20, 20),
      ] {
        let one = product(
          layout, rows, columns, inner, gap: 1, isChecked: false,
          settings(library, isDividedByShape: true))
        for threads in [2, 3, 5] {
          let many = product(
            layout, rows, columns, inner, gap: 1, isChecked: false,
            settings(library, threads: threads, isDividedByShape: true))
          #expect(one.values == many.values, "\(library) \(layout) on \(threads) threads")
        }
      }
    }
  }

  @Test func theNearestShapeAndTheNearestCPUChoose() throws {
    let table = try #require(
      ProductTable(
        """
        # what was measured
        cpu avx2-512-amd one
        NT 64x1024x784 openblas
        NT 64x128x784 onednn-compiled
        NN 64x128x784 onednn
        cpu avx2-1024-amd another
        NT 64x1024x784 onednn
        cpu avx512-1024-amd a third
        NT 64x1024x784 onednn-packed
        cpu avx512-1024-intel a fourth
        NT 64x1024x784 onednn-packed
        """))
    let row = table.row(for: CPUKind(.avx2, level2: 512, .amd))
    func choice(_ layout: ProductShape.Layout, _ rows: Int, _ columns: Int, _ inner: Int)
      -> ProductLibrary
    {
      row.library(for: ProductShape(layout, rows: rows, columns: columns, inner: inner))
    }
    #expect(choice(.byTransposed, 64, 1024, 784) == .openBLAS)
    #expect(choice(.byTransposed, 60, 900, 700) == .openBLAS)
    #expect(choice(.byTransposed, 64, 200, 784) == .compiled)
    // Nothing was measured of this layout.
    #expect(choice(.ofTransposed, 64, 1024, 784) == .oneDNN)
    #expect(table.row(for: CPUKind(.avx2, level2: 256, .amd)).source == "one")
    #expect(table.row(for: CPUKind(.avx2, level2: 2048, .amd)).source == "another")
    #expect(table.row(for: CPUKind(.avx512, level2: 512, .amd)).source == "a third")
    #expect(table.row(for: CPUKind(.baseline, level2: 1024, .other)).source == "another")
    #expect(table.row(for: CPUKind(.avx512, level2: 2048, .intel)).source == "a fourth")
    #expect(table.row(for: CPUKind(.avx2, level2: 2048, .intel)).source == "another")
    #expect(row.usesOpenBLAS && !table.rows[1].usesOpenBLAS)
  }

  @Test(arguments: [
    "", "NT 64x1024x784 onednn", "cpu avx3-512-amd one", "cpu avx2 one", "cpu avx2-512 one",
    "cpu avx2-512-via one",
    "cpu avx2-512-amd one\nNT 64x1024 onednn",
    "cpu avx2-512-amd one\nNT 64x0x3 onednn", "cpu avx2-512-amd one\nNX 64x4x3 onednn",
    "cpu avx2-512-amd one\nNT 64x4x3 mkl",
  ]) func aTableOfAnotherFormIsNone(_ text: String) {
    #expect(ProductTable(text) == nil)
  }

  /// Rows are there for the CPUs that `any-cpu` computes as on, and with the widest instructions.
  @Test func theMeasuredTableHasTheShapesOfTheWorkloads() {
    for row in ProductTable.measured.rows {
      #expect(CPUKind(row.cpu.description) == row.cpu)
      for layout in Set(ProductShape.ofWorkloads.map(\.layout)) {
        #expect(row.shapes.contains { $0.layout == layout }, "\(row.cpu) \(layout)")
      }
    }
    #expect(ProductTable.measured.row(for: AnyCPU.cpu).cpu == AnyCPU.cpu)
    #expect(ProductTable.measured.rows.contains { $0.cpu.instructions == .avx512 })
  }
}
