/// The names under a chart, each with a sample of how it is drawn, in as many rows as they need.
struct Legend {
  struct Entry {
    var name: String
    /// Draws the sample in a box of 22 by 10 whose upper left corner is given.
    var sample: (inout SVGText, Double, Double) -> Void
  }

  static let rowHeight = 17.0
  private let rows: [[(entry: Entry, x: Double, name: String)]]

  init(_ entries: [Entry], width: Double) {
    var rows: [[(entry: Entry, x: Double, name: String)]] = []
    var x = 0.0
    for entry in entries {
      let name = SVGText.fitted(entry.name, width: width - 34)
      let needed = 28 + SVGText.width(name) + 14
      if rows.isEmpty || x + needed - 14 > width {
        rows.append([])
        x = 0
      }
      rows[rows.count - 1].append((entry, x, name))
      x += needed
    }
    self.rows = rows
  }

  var height: Double { Double(rows.count) * Self.rowHeight }

  func draw(into svg: inout SVGText, x: Double, y: Double) {
    for (row, entries) in rows.enumerated() {
      let top = y + Double(row) * Self.rowHeight
      for (entry, offset, name) in entries {
        entry.sample(&svg, x + offset, top + 2)
        svg.label(name, x: x + offset + 28, y: top + 11, style: "name")
      }
    }
  }
}
