/// Lines over a common x, with bands behind them, levels across, and marks where something
/// happened.
public struct LineChart: Chart, Equatable {
  public var title: String
  public var x: Axis
  public var y: Axis
  public var series: [Series]
  public var bands: [Band]
  public var levels: [Level]
  public var marks: [Marks]
  /// In CSS pixels where the chart has the width it is drawn for; it scales with its container.
  public var width: Double
  public var height: Double

  public init(
    _ title: String, x: Axis, y: Axis, series: [Series], bands: [Band] = [], levels: [Level] = [],
    marks: [Marks] = [],
    width: Double = 440, height: Double = 270
  ) {
    (self.title, self.x, self.y, self.series, self.bands) = (title, x, y, series, bands)
    (self.levels, self.marks, self.width, self.height) = (levels, marks, width, height)
  }

  public var svg: String { LineDrawing(self).svg }

  /// What the chart shows, in words: for those who cannot see it.
  var summary: String {
    let lines = series.map { series -> String in
      let known = series.points.filter { $0.y != nil }
      guard let first = known.first, let last = known.last else {
        return "\(series.name): no values."
      }
      let values = known.compactMap(\.y)
      let missing = series.points.count - known.count
      return
        "\(series.name): \(TickLabel.figure(first.y!)) at \(TickLabel.figure(first.x)), \(TickLabel.figure(last.y!)) at "
        + "\(TickLabel.figure(last.x)), lowest \(TickLabel.figure(values.min()!)), highest \(TickLabel.figure(values.max()!))"
        + (missing > 0 && series.showsMissing ? ", \(missing) without a number." : ".")
    }
    let levels = levels.map { "\($0.name): \(TickLabel.figure($0.value))." }
    let marks = marks.filter { !$0.places.isEmpty }.map { mark in
      "\(mark.name): " + mark.places.prefix(12).map(TickLabel.figure).joined(separator: ", ")
        + (mark.places.count > 12 ? " and \(mark.places.count - 12) more." : ".")
    }
    let axes = "\(y.label.isEmpty ? "Values" : y.label) over \(x.label.isEmpty ? "x" : x.label)."
    return ([axes] + lines + levels + marks).joined(separator: " ")
  }
}
