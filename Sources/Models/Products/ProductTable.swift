/// Which library makes which product the fastest, measured on a few kinds of CPU.
///
/// A pure function of the kind of CPU and the product's shape: a shape that was not measured takes
/// the choice of the nearest of its layout, a CPU that was not measured the row of the nearest.
public struct ProductTable: Sendable {
  /// What was measured on one kind of CPU.
  public struct Row: Sendable {
    public let cpu: CPUKind
    /// The CPU's name and the date.
    public let source: String
    fileprivate(set) var choices: [(shape: ProductShape, library: ProductLibrary)] = []

    /// The library that makes a product of this shape.
    public func library(for shape: ProductShape) -> ProductLibrary {
      var (best, least) = (ProductLibrary.oneDNN, Double.infinity)
      for (measured, library) in choices {
        if let distance = measured.distance(to: shape), distance < least {
          (best, least) = (library, distance)
        }
      }
      return best
    }

    /// The shapes that were measured.
    public var shapes: [ProductShape] { choices.map(\.shape) }

    /// Whether any product is OpenBLAS's.
    public var usesOpenBLAS: Bool { choices.contains { $0.library == .openBLAS } }
  }

  public let rows: [Row]

  /// Reads lines `cpu KIND SOURCE`, each followed by its choices,
  /// `LAYOUT ROWSxCOLUMNSxINNER LIBRARY`. Nil for a text of another form.
  public init?(_ text: String) {
    var rows: [Row] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ", maxSplits: 2)
      guard words.count == 3 else { return nil }
      if words[0] == "cpu" {
        guard let cpu = CPUKind(words[1]) else { return nil }
        rows.append(Row(cpu: cpu, source: String(words[2])))
        continue
      }
      let extents = words[1].split(separator: "x").compactMap { Int($0) }
      guard let layout = ProductShape.Layout(rawValue: String(words[0])), extents.count == 3,
        extents.allSatisfy({ $0 > 0 }), let library = ProductLibrary(rawValue: String(words[2])),
        !rows.isEmpty
      else { return nil }
      rows[rows.count - 1].choices.append(
        (ProductShape(layout, rows: extents[0], columns: extents[1], inner: extents[2]), library))
    }
    guard !rows.isEmpty else { return nil }
    self.rows = rows
  }

  /// The row of the kind of CPU that is nearest: in instructions first, then in vendor and cache.
  public func row(for cpu: CPUKind) -> Row {
    rows.min { $0.cpu.distance(to: cpu) < $1.cpu.distance(to: cpu) }!
  }

  /// What `Launch/bench --products` measured and wrote.
  public static let measured = ProductTable(measuredText)!
}
