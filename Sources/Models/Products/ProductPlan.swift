import COneDNN

/// How products of one form are made: in which pieces, and each of them by which library.
final class ProductPlan {
  private let pieces: [Piece]
  private let threads: ComputeThreads
  private let form: ProductForm

  /// Part of a result: some rows of a and some columns of b.
  private struct Piece {
    let a: Matrix
    let b: Matrix
    /// From the result's beginning to the piece's.
    let offset: Int
    let aOffset: Int
    let bOffset: Int
    let way: Way
  }

  private enum Way {
    case oneDNN
    case openBLAS(OpenBLAS)
    case compiled(CompiledProduct)
  }

  /// `library` overrides the settings' choice.
  init(
    _ form: ProductForm, _ a: Matrix, _ b: Matrix, _ settings: ComputeSettings,
    library: ProductLibrary? = nil
  ) {
    let shape = form.shape
    (threads, self.form) = (settings.threads, form)
    let library = library ?? settings.library(for: shape)
    let byRows = shape.rows > shape.columns
    let extent = byRows ? shape.rows : shape.columns
    let count = settings.pieces(of: extent, operations: shape.operations)
    pieces = (0..<count).map { index in
      let range = part(index, of: count, unit: 16, extent)
      let partOfA = byRows ? a.rows(range) : a
      let partOfB = byRows ? b : b.columns(range)
      return Piece(
        a: partOfA, b: partOfB,
        offset: byRows ? range.lowerBound * form.stride : range.lowerBound,
        aOffset: partOfA.base - a.base, bOffset: partOfB.base - b.base,
        way: Self.way(library, form, partOfA, partOfB, settings))
    }
  }

  private static func way(
    _ library: ProductLibrary, _ form: ProductForm, _ a: Matrix, _ b: Matrix,
    _ settings: ComputeSettings
  ) -> Way {
    switch library {
    case .openBLAS:
      // CBLAS counts by 32-bit integers.
      let most = [a.rows, a.columns, b.columns, a.stride, b.stride, form.stride].max()!
      guard let library = settings.openBLAS, most <= Int32.max else { return .oneDNN }
      return .openBLAS(library)
    case .compiled, .packed:
      guard !form.isScaled else { return .oneDNN }
      return .compiled(
        CompiledProduct(
          a, b, stride: form.stride, accumulate: form.accumulate, packing: library == .packed))
    case .oneDNN: return .oneDNN
    }
  }

  /// Reads b, for all products that follow with `isTaken`; those still need it where it is.
  func take(_ b: UnsafePointer<Float>) {
    for piece in pieces {
      if case .compiled(let product) = piece.way { product.take(b + piece.bOffset) }
    }
  }

  func run(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, isTaken: Bool = false, scale: Float = 1,
    into result: UnsafeMutablePointer<Float>
  ) {
    threads.run(pieces.count) { index, _ in
      let piece = pieces[index]
      let (y, a, b) = (result + piece.offset, a + piece.aOffset, b + piece.bOffset)
      switch piece.way {
      case .compiled(let product): product.run(a, b, isTaken: isTaken, into: y)
      case .openBLAS(let library):
        library.multiply(
          piece.a.at(a), piece.b.at(b), scale: scale, into: y, stride: form.stride,
          accumulate: form.accumulate)
      case .oneDNN: multiplyByOneDNN(piece.a.at(a), piece.b.at(b), scale: scale, into: y)
      }
    }
  }

  private func multiplyByOneDNN(
    _ a: Matrix, _ b: Matrix, scale: Float, into y: UnsafeMutablePointer<Float>
  ) {
    let status = dnnl_sgemm(
      a.operation, b.operation, Int64(a.rows), Int64(b.columns), Int64(a.columns), scale, a.base,
      Int64(a.stride), b.base, Int64(b.stride), form.accumulate ? 1 : 0, y, Int64(form.stride))
    check(status, "multiply \(a.rows)×\(a.columns) by \(b.rows)×\(b.columns)")
  }
}

extension Matrix {
  /// BLAS's letter.
  fileprivate var operation: CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }
}

extension ComputeSettings {
  /// The library that makes a product of this shape.
  public func library(for shape: ProductShape) -> ProductLibrary {
    let library = products.library(for: shape)
    return openBLAS == nil ? library.withoutOpenBLAS : library
  }

  /// How many pieces rows, columns or samples are computed in: at most 8 where their shape alone
  /// decides, and none of less than 4 million operations, about 50 µs.
  func pieces(of extent: Int, operations: Double, atLeast: Int = 64) -> Int {
    let most = isDividedByShape ? 8 : threads.count
    if most == 1 { return 1 }
    return max(1, min(most, extent / atLeast, Int(operations / 4e6)))
  }
}
