/// A line chart's geometry and its SVG.
struct LineDrawing {
  private let chart: LineChart
  private let across: FittedAxis
  private let up: FittedAxis
  private let legend: Legend
  private let left: Double
  private let plot: (width: Double, height: Double)
  private static let top = 44.0
  private static let right = 14.0
  /// Series of more points than this have no mark at each.
  private static let markedPoints = 24
  /// Fewer points than this need no running mean.
  private static let smoothedPoints = 60

  init(_ chart: LineChart) {
    self.chart = chart
    var xs: [Double] = chart.marks.flatMap(\.places)
    for series in chart.series { xs += series.points.map(\.x) }
    for band in chart.bands { xs += band.points.map(\.x) }
    across = FittedAxis(
      chart.x, values: xs,
      margin: chart.series.contains { $0.points.count > Self.markedPoints } ? 0 : 0.04)
    var ys: [Double] = chart.levels.map(\.value)
    for series in chart.series { ys += series.points.compactMap(\.y) }
    for band in chart.bands {
      // A band's lower edge may be nothing; on a logarithmic axis it must not make the range.
      for edge in band.points.flatMap({ [$0.high, $0.low] }) {
        if let edge, edge > 0 || chart.y.scale == .linear { ys.append(edge) }
      }
    }
    up = FittedAxis(chart.y, values: ys, margin: 0.05)
    let labels = up.ticks(about: 5).map { SVGText.width($0.label) }
    left = 12 + max(18, labels.max() ?? 0)
    legend = Legend(Self.entries(chart), width: chart.width - 16)
    plot = (chart.width - left - Self.right, max(60, chart.height - Self.top - 38 - legend.height))
  }

  var svg: String {
    let height = Self.top + plot.height + 38 + legend.height
    return SVGText.chart(
      title: chart.title, summary: chart.summary, width: chart.width, height: height
    ) { svg in
      svg.label(
        SVGText.fitted(chart.title, width: chart.width - 12, size: 13.5), x: 6, y: 16,
        style: "title")
      let scale =
        up.isLogarithmic
        ? (chart.y.label.isEmpty ? "log scale" : chart.y.label + ", log scale") : chart.y.label
      svg.label(SVGText.fitted(scale, width: chart.width - 12), x: 6, y: 32)
      drawAxes(into: &svg)
      // Nothing lies outside: the axes are fitted to all that is drawn.
      svg.element(
        "g", [("transform", "translate(\(SVGText.number(left)) \(SVGText.number(Self.top)))")]
      ) { svg in
        drawBands(into: &svg)
        drawLevelsAndMarks(into: &svg)
        for (index, series) in chart.series.enumerated() {
          draw(series, colour: Self.colour(series.colour, index), into: &svg)
        }
      }
      if chart.series.allSatisfy({ $0.points.allSatisfy { $0.y == nil } }) {
        svg.label(
          "no values", x: left + plot.width / 2, y: Self.top + plot.height / 2, anchor: "middle")
      }
      legend.draw(into: &svg, x: 8, y: height - legend.height)
    }
  }

  private func x(_ value: Double) -> Double? { across.place(value).map { $0 * plot.width } }
  private func y(_ value: Double?) -> Double? { up.place(value).map { (1 - $0) * plot.height } }

  private static func colour(_ wanted: Int?, _ index: Int) -> Int {
    (wanted ?? index) % ChartStyle.colours
  }

  // MARK: Parts

  private func drawAxes(into svg: inout SVGText) {
    let bottom = Self.top + plot.height
    for tick in up.ticks(about: 5) {
      guard let place = y(tick.value), (-0.5...plot.height + 0.5).contains(place) else { continue }
      svg.line(left, Self.top + place, left + plot.width, Self.top + place, style: "grid")
      svg.label(tick.label, x: left - 6, y: Self.top + place + 4, anchor: "end")
    }
    svg.line(left, bottom, left + plot.width, bottom, style: "axis")
    var free = -Double.infinity
    for tick in across.ticks(about: 5) {
      guard let place = x(tick.value), (-0.5...plot.width + 0.5).contains(place) else { continue }
      svg.line(left + place, bottom, left + place, bottom + 4, style: "axis")
      let half = SVGText.width(tick.label) / 2
      let middle = min(left + place, chart.width - half - 2)
      guard middle - half > free + 6 else { continue }
      svg.label(tick.label, x: middle, y: bottom + 16, anchor: "middle")
      free = middle + half
    }
    svg.label(chart.x.label, x: left + plot.width / 2, y: bottom + 31, anchor: "middle")
  }

  private func drawBands(into svg: inout SVGText) {
    for (index, band) in chart.bands.enumerated() {
      let edges = band.points.compactMap { point -> (PixelColumns.Place, PixelColumns.Place)? in
        guard let x = x(point.x), let high = y(point.high) else { return nil }
        return (
          PixelColumns.Place(x: x, y: high),
          PixelColumns.Place(x: x, y: y(point.low) ?? plot.height)
        )
      }
      guard !edges.isEmpty else { continue }
      let outline =
        PixelColumns.thinned(edges.map(\.0)) + PixelColumns.thinned(edges.map(\.1)).reversed()
      svg.element(
        "path",
        [
          ("class", "band f\(Self.colour(band.colour, chart.series.count + index))"),
          ("d", PixelColumns.path(outline) + "Z"),
        ])
    }
  }

  private func drawLevelsAndMarks(into svg: inout SVGText) {
    for level in chart.levels {
      if let place = y(level.value) { svg.line(0, place, plot.width, place, style: "level") }
    }
    for mark in chart.marks {
      var columns: Set<Int> = []
      for place in mark.places.compactMap(x) where columns.insert(Int(place.rounded())).inserted {
        switch mark.shape {
        case .line: svg.line(place, 0, place, plot.height, style: "mark")
        case .flag: Self.flag(into: &svg, x: place, y: 0)
        }
      }
    }
  }

  private func draw(_ series: Series, colour: Int, into svg: inout SVGText) {
    let places = series.points.map(place)
    let parts = PixelColumns.parts(places)
    let means = series.means.map { PixelColumns.parts($0.map(place)) } ?? parts
    let isSmooth =
      series.style == .smoothed && means.reduce(0) { $0 + $1.count } >= Self.smoothedPoints
    if series.style != .marks {
      var path = parts.filter { $0.count > 1 }.map { PixelColumns.path(PixelColumns.thinned($0)) }
        .joined()
      if !path.isEmpty {
        svg.element(
          "path", [("class", isSmooth ? "pale p\(colour)" : "line s\(colour)"), ("d", path)])
      }
      if isSmooth {
        let width = max(5, means.reduce(0) { $0 + $1.count } / 40)
        path = means.filter { $0.count > 1 }.map {
          PixelColumns.path(PixelColumns.smoothed($0, width: width))
        }.joined()
        svg.element("path", [("class", "line s\(colour)"), ("d", path)])
      }
    }
    let marked =
      series.style == .marks || places.count <= Self.markedPoints
      ? parts.flatMap { $0 } : parts.filter { $0.count == 1 }.flatMap { $0 }
    if !marked.isEmpty {
      svg.element(
        "path",
        [
          ("class", "f\(colour)"),
          ("d", PixelColumns.thinned(marked).map { Self.mark(colour, $0.x, $0.y) }.joined()),
        ])
    }
    guard series.showsMissing else { return }
    var columns: Set<Int> = []
    var crosses = ""
    for point in series.points where point.y == nil {
      guard let x = x(point.x), columns.insert(Int(x / 4)).inserted else { continue }
      crosses += Self.cross(x, plot.height - 6)
    }
    if !crosses.isEmpty { svg.element("path", [("class", "missing"), ("d", crosses)]) }
  }

  private func place(_ point: ChartPoint) -> PixelColumns.Place? {
    guard let x = x(point.x), let y = y(point.y) else { return nil }
    return PixelColumns.Place(x: x, y: y)
  }

  // MARK: Shapes

  /// A disc, square, triangle or diamond, by the colour's number.
  static func mark(_ colour: Int, _ x: Double, _ y: Double) -> String {
    let place = "M\(SVGText.number(x)) \(SVGText.number(y))"
    switch colour % 4 {
    case 0: return place + "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0"
    case 1: return place + "m-3-3h6v6h-6z"
    case 2: return place + "m0-4l4 7h-8z"
    default: return place + "m0-4.2l4.2 4.2l-4.2 4.2l-4.2-4.2z"
    }
  }

  static func cross(_ x: Double, _ y: Double) -> String {
    "M\(SVGText.number(x - 3)) \(SVGText.number(y - 3))l6 6m0-6l-6 6"
  }

  private static func flag(into svg: inout SVGText, x: Double, y: Double) {
    svg.element(
      "path", [("class", "flag"), ("d", "M\(SVGText.number(x - 4)) \(SVGText.number(y))h8l-4 7z")])
  }

  private static func entries(_ chart: LineChart) -> [Legend.Entry] {
    var entries: [Legend.Entry] = []
    for (index, series) in chart.series.enumerated() where !series.name.isEmpty {
      let colour = colour(series.colour, index)
      entries.append(
        Legend.Entry(name: series.name) { svg, x, y in
          if series.style != .marks { svg.line(x, y + 5, x + 22, y + 5, style: "line s\(colour)") }
          if series.style == .marks || series.points.count <= Self.markedPoints {
            svg.element("path", [("class", "f\(colour)"), ("d", mark(colour, x + 11, y + 5))])
          }
        })
    }
    for (index, band) in chart.bands.enumerated() where !band.points.isEmpty {
      let colour = colour(band.colour, chart.series.count + index)
      entries.append(
        Legend.Entry(name: band.name) { svg, x, y in
          svg.element(
            "path",
            [
              ("class", "band f\(colour)"),
              ("d", "M\(SVGText.number(x)) \(SVGText.number(y))h22v10h-22z"),
            ])
        })
    }
    for level in chart.levels {
      entries.append(
        Legend.Entry(name: level.name) { $0.line($1, $2 + 5, $1 + 22, $2 + 5, style: "level") })
    }
    for mark in chart.marks where !mark.places.isEmpty {
      entries.append(
        Legend.Entry(name: mark.name) { svg, x, y in
          if mark.shape == .line {
            svg.line(x + 11, y - 1, x + 11, y + 11, style: "mark")
          } else {
            flag(into: &svg, x: x + 11, y: y + 2)
          }
        })
    }
    if chart.series.contains(where: { $0.showsMissing && $0.points.contains { $0.y == nil } }) {
      entries.append(
        Legend.Entry(name: "no number") {
          $0.element("path", [("class", "missing"), ("d", cross($1 + 11, $2 + 5))])
        })
    }
    return entries
  }
}
