/// Horizontal bars, one a row, each of the same parts one after the other.
public struct StackedBars: Chart, Equatable {
  public struct Row: Sendable, Equatable {
    public var name: String
    /// A value a part, in the order of the parts; none is negative.
    public var values: [Double]

    public init(_ name: String, _ values: [Double]) {
      (self.name, self.values) = (name, values.map { $0.isFinite ? max(0, $0) : 0 })
    }
  }

  public var title: String
  /// What the length of a bar measures.
  public var label: String
  public var parts: [String]
  public var rows: [Row]
  public var width: Double

  public init(_ title: String, label: String, parts: [String], rows: [Row], width: Double = 440) {
    (self.title, self.label, self.parts, self.rows, self.width) = (title, label, parts, rows, width)
  }

  public var svg: String {
    let rowHeight = rows.count <= 16 ? 24.0 : 15.0
    let left = 10 + min(200, rows.map { SVGText.width($0.name) }.max() ?? 0)
    let axis = FittedAxis(
      Axis(label, lowest: 0), values: rows.map { $0.values.reduce(0, +) }, margin: 0.02)
    let (plotWidth, top) = (width - left - 16, 26.0)
    let plotHeight = rowHeight * Double(rows.count)
    let legend = Legend(
      parts.enumerated().map { index, name in
        Legend.Entry(name: name) { svg, x, y in
          svg.element(
            "path",
            [
              ("class", "f\(index % ChartStyle.colours)"),
              ("d", "M\(SVGText.number(x + 4)) \(SVGText.number(y))h14v10h-14z"),
            ])
        }
      }, width: width - 16)
    let height = top + plotHeight + 40 + legend.height
    return SVGText.chart(title: title, summary: summary, width: width, height: height) { svg in
      svg.label(title, x: 6, y: 16, style: "title")
      for (index, row) in rows.enumerated() {
        let y = top + Double(index) * rowHeight
        svg.label(
          SVGText.fitted(row.name, width: left - 10), x: left - 6, y: y + rowHeight / 2 + 4,
          anchor: "end")
        draw(row, into: &svg, x: left, y: y + 2, height: rowHeight - 4) {
          (axis.place($0) ?? 0) * plotWidth
        }
      }
      svg.line(left, top, left, top + plotHeight, style: "axis")
      for tick in axis.ticks(about: 6) {
        guard let place = axis.place(tick.value), (0...1).contains(place) else { continue }
        svg.line(
          left + place * plotWidth, top + plotHeight, left + place * plotWidth,
          top + plotHeight + 4, style: "axis")
        svg.label(
          tick.label, x: left + place * plotWidth, y: top + plotHeight + 16, anchor: "middle")
      }
      svg.label(label, x: left + plotWidth / 2, y: top + plotHeight + 31, anchor: "middle")
      legend.draw(into: &svg, x: 8, y: height - legend.height)
    }
  }

  var summary: String {
    "\(label). "
      + rows.map { row in
        "\(row.name): "
          + zip(parts, row.values).map { "\($0) \(TickLabel.figure($1))" }.joined(separator: ", ")
          + "."
      }.joined(separator: " ")
  }

  /// The parts of a bar, each with its share inside where there is room: colour alone says nothing.
  private func draw(
    _ row: Row, into svg: inout SVGText, x: Double, y: Double, height: Double,
    length: (Double) -> Double
  ) {
    let whole = row.values.reduce(0, +)
    var sum = 0.0
    for (index, value) in row.values.enumerated() where value > 0 {
      let (start, end) = (length(sum), length(sum + value))
      sum += value
      svg.element("g") { svg in
        let share = value / whole * 100
        let name = index < parts.count ? parts[index] : ""
        svg.element(
          "title",
          words: "\(row.name), \(name): \(TickLabel.figure(value)), \(TickLabel.figure(share)) %")
        let (left, wide, high) = (
          SVGText.number(x + start), SVGText.number(end - start), SVGText.number(height)
        )
        svg.element(
          "path",
          [
            ("class", "edge f\(index % ChartStyle.colours)"),
            ("d", "M\(left) \(SVGText.number(y))h\(wide)v\(high)h-\(wide)z"),
          ])
        let short = "\(Int(share.rounded())) %"
        let long = "\(name) \(short)"
        let room = end - start - 8
        if height >= 14, let words = [long, short].first(where: { SVGText.width($0) <= room }) {
          svg.label(
            words, x: x + (start + end) / 2, y: y + height / 2 + 4, anchor: "middle",
            style: "inside")
        }
      }
    }
  }
}
