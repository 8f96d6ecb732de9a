import Glibc

/// Rows of cells whose shade is a number, on a logarithmic scale where the numbers span more than a
/// decade.
public struct HeatMap: Chart, Equatable {
  public struct Row: Sendable, Equatable {
    public var name: String
    /// A value a column; nil where there is none.
    public var values: [Double?]

    public init(_ name: String, _ values: [Double?]) { (self.name, self.values) = (name, values) }
  }

  public var title: String
  /// What a shade measures.
  public var label: String
  public var x: Axis
  /// Where the first column begins and the last one ends.
  public var span: ClosedRange<Double>
  public var rows: [Row]
  public var width: Double

  public init(
    _ title: String, label: String, x: Axis, span: ClosedRange<Double>, rows: [Row],
    width: Double = 900
  ) {
    (self.title, self.label, self.x, self.span, self.rows, self.width) = (
      title, label, x, span, rows, width
    )
  }

  public var svg: String {
    let values = rows.flatMap { $0.values.compactMap { $0 } }.filter { $0.isFinite && $0 > 0 }
    let (low, high) = (values.min() ?? 1, values.max() ?? 1)
    let columns = rows.map(\.values.count).max() ?? 0
    let rowHeight = rows.count <= 24 ? 17.0 : rows.count <= 60 ? 13.0 : 8.0
    let left = 10 + min(230, width * 0.4, rows.map { SVGText.width($0.name) }.max() ?? 0)
    let (plotWidth, plotHeight, top) = (
      width - left - 12, rowHeight * Double(max(1, rows.count)), 44.0
    )
    let height = top + plotHeight + 62
    return SVGText.chart(title: title, summary: summary, width: width, height: height) { svg in
      svg.label(title, x: 6, y: 16, style: "title")
      svg.label(label, x: 6, y: 32)
      drawCells(
        into: &svg, x: left, y: top, cell: (plotWidth / Double(max(1, columns)), rowHeight),
        low: low, high: high)
      let every = rowHeight < 12 ? 2 : 1
      for (index, row) in rows.enumerated() where index % every == 0 {
        let name = SVGText.fitted(row.name, width: left - 10)
        svg.label(name, x: left - 6, y: top + (Double(index) + 0.5) * rowHeight + 4, anchor: "end")
      }
      let axis = FittedAxis(
        Axis(x.label, lowest: span.lowerBound, highest: span.upperBound), values: [], margin: 0)
      for tick in axis.ticks(about: 8) {
        guard let place = axis.place(tick.value), (0...1).contains(place) else { continue }
        svg.line(
          left + place * plotWidth, top + plotHeight, left + place * plotWidth,
          top + plotHeight + 4, style: "axis")
        let half = SVGText.width(tick.label) / 2
        svg.label(
          tick.label, x: min(left + place * plotWidth, width - half - 2), y: top + plotHeight + 16,
          anchor: "middle")
      }
      svg.label(x.label, x: left + plotWidth / 2, y: top + plotHeight + 31, anchor: "middle")
      drawKey(into: &svg, x: left, y: height - 22, low: low, high: high)
    }
  }

  var summary: String {
    "\(label), by row over \(x.label). "
      + rows.map { row in
        let known = row.values.compactMap { $0 }.filter(\.isFinite)
        guard let first = known.first, let last = known.last else {
          return "\(row.name): no values."
        }
        return
          "\(row.name): \(TickLabel.figure(first)) to \(TickLabel.figure(last)), at most \(TickLabel.figure(known.max()!))."
      }.joined(separator: " ")
  }

  /// The class of a value: nil where it is no number or not positive.
  private func shade(_ value: Double?, low: Double, high: Double) -> Int? {
    guard let value, value.isFinite, value > 0 else { return nil }
    guard high > low else { return ChartStyle.shades / 2 }
    let part =
      high > 10 * low ? log10(value / low) / log10(high / low) : (value - low) / (high - low)
    return max(0, min(ChartStyle.shades - 1, Int(part * Double(ChartStyle.shades))))
  }

  /// One path a shade, neighbours of the same shade in one piece.
  private func drawCells(
    into svg: inout SVGText, x: Double, y: Double, cell: (Double, Double), low: Double, high: Double
  ) {
    var paths = [String](repeating: "", count: ChartStyle.shades)
    var crosses = ""
    for (rowIndex, row) in rows.enumerated() {
      var column = 0
      while column < row.values.count {
        let shade = shade(row.values[column], low: low, high: high)
        var end = column + 1
        while end < row.values.count, self.shade(row.values[end], low: low, high: high) == shade {
          end += 1
        }
        if let shade {
          paths[shade] += "M\(column) \(rowIndex)h\(end - column)v1h\(column - end)z"
        } else {
          // As far apart as they are wide, so that a long gap is a row of crosses and not a smear.
          var place = (Double(column) + 0.5) * cell.0
          repeat {
            crosses += LineDrawing.cross(x + place, y + (Double(rowIndex) + 0.5) * cell.1)
            place += 10
          } while place < Double(end) * cell.0
        }
        column = end
      }
    }
    let scale = "translate(\(SVGText.number(x)) \(SVGText.number(y))) scale(\(cell.0) \(cell.1))"
    svg.element("g", [("transform", scale), ("shape-rendering", "crispEdges")]) { svg in
      for (shade, path) in paths.enumerated() where !path.isEmpty {
        svg.element("path", [("class", "h\(shade)"), ("d", path)])
      }
    }
    if !crosses.isEmpty { svg.element("path", [("class", "missing"), ("d", crosses)]) }
  }

  private func drawKey(into svg: inout SVGText, x: Double, y: Double, low: Double, high: Double) {
    let lowest = TickLabel.figure(low)
    svg.label(lowest, x: x, y: y + 10)
    let start = x + SVGText.width(lowest) + 8
    svg.element(
      "g", [("transform", "translate(\(SVGText.number(start)) \(SVGText.number(y))) scale(9 12)")]
    ) { svg in
      for shade in 0..<ChartStyle.shades {
        svg.element("path", [("class", "h\(shade)"), ("d", "M\(shade) 0h1v1h-1z")])
      }
    }
    let end = start + 9 * Double(ChartStyle.shades) + 8
    let words = TickLabel.figure(high) + (high > 10 * low ? " (log scale)" : "")
    svg.label(words, x: end, y: y + 10)
    guard rows.contains(where: { $0.values.contains { shade($0, low: low, high: high) == nil } })
    else { return }
    let next = end + SVGText.width(words) + 18
    svg.element("path", [("class", "missing"), ("d", LineDrawing.cross(next, y + 6))])
    svg.label("zero, or no number", x: next + 9, y: y + 10)
  }
}
