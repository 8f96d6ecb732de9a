import Charts

/// A chart of the page. Metrics whose charts have the same title are lines of one.
public struct MetricChart: Sendable, Equatable {
  public enum Scale: String, Sendable, Decodable {
    case linear, logarithmic
    /// Logarithmic where all values are positive and the largest is more than ten times the
    /// smallest.
    case automatic
  }

  public var title: String
  /// What the y axis measures.
  public var label: String
  public var scale: Scale
  /// What the y axis shows at least; nil for what the values need.
  public var lowest: Double?
  public var highest: Double?

  // What only charts of the record's own metrics need.
  /// Title and label where several runs are compared, a line a run of the chart's first metric.
  package var compared: (title: String, label: String)?
  package var isCompared = true
  /// Whether it is shown where its metrics have no value.
  package var isAlwaysShown = false
  /// Shown only where one of these metrics has a value other than 0; empty: always.
  package var needs: [String] = []
  /// Whether the loss on held-out data is a mark in it.
  package var hasHeldOut = false

  public init(
    _ title: String, label: String = "", scale: Scale = .automatic, lowest: Double? = nil,
    highest: Double? = nil
  ) {
    (self.title, self.label, self.scale) = (title, label, scale)
    (self.lowest, self.highest) = (lowest, highest)
  }

  public static func == (a: MetricChart, b: MetricChart) -> Bool {
    (a.title, a.label, a.scale, a.lowest, a.highest)
      == (b.title, b.label, b.scale, b.lowest, b.highest)
  }

  package func axis(label: String) -> Axis {
    let scale: Axis.Scale =
      switch scale {
      case .linear: .linear
      case .logarithmic: .logarithmic
      case .automatic: .automatic
      }
    return Axis(label, scale: scale, lowest: lowest, highest: highest)
  }
}

/// How a chart shows one metric.
public struct MetricLine: Sendable, Equatable {
  public enum Style: String, Sendable, Decodable {
    case line
    /// A pale line of single steps and a strong one of their running mean.
    case smoothed
    /// Shaded up to the value.
    case band
    /// Of what is 0 or 1: the share of ones among neighbouring steps.
    case share
  }

  public var chart: MetricChart
  /// What the legend calls it; empty for no entry.
  public var name: String
  public var style: Style
  /// What values are multiplied by to be drawn: 1000 for seconds in a chart of milliseconds.
  public var factor: Double
  /// Which of the eight colours; nil for its place in the chart.
  public var colour: Int?
  /// Whether steps without a value are crosses along the lower edge.
  package var showsMissing = false
  /// A metric that this is a part of: the line is left out where it is less than a hundredth.
  package var whole: String?

  public init(
    _ chart: MetricChart, _ name: String = "", style: Style = .smoothed, factor: Double = 1,
    colour: Int? = nil
  ) {
    (self.chart, self.name, self.style, self.factor, self.colour) = (
      chart, name, style, factor, colour
    )
  }
}

extension MetricLine: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey {
    case title, label, scale, lowest, highest, line, style, factor, colour
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("title", chart.title)
      $0.field("label", chart.label)
      $0.field("scale", chart.scale.rawValue)
      $0.field("lowest", chart.lowest)
      $0.field("highest", chart.highest)
      $0.field("line", name)
      $0.field("style", style.rawValue)
      $0.field("factor", factor)
      $0.field("colour", colour)
    }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let chart = MetricChart(
      try fields.decode(String.self, forKey: .title),
      label: try fields.decode(String.self, forKey: .label),
      scale: try fields.decode(MetricChart.Scale.self, forKey: .scale),
      lowest: try fields.decodeIfPresent(Double.self, forKey: .lowest),
      highest: try fields.decodeIfPresent(Double.self, forKey: .highest))
    self.init(
      chart, try fields.decode(String.self, forKey: .line),
      style: try fields.decode(Style.self, forKey: .style),
      factor: try fields.decode(Double.self, forKey: .factor),
      colour: try fields.decodeIfPresent(Int.self, forKey: .colour).map { max(0, $0) })
  }
}
