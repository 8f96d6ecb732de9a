/// A point of a chart; nil where there was something to measure and no number came out.
public struct ChartPoint: Sendable, Equatable {
  public var x: Double
  public var y: Double?

  public init(_ x: Double, _ y: Double?) { (self.x, self.y) = (x, y?.isFinite == true ? y : nil) }
}

/// A line of a chart.
public struct Series: Sendable, Equatable {
  public enum Style: Sendable, Equatable {
    /// A line, with a mark at each point where there are few.
    case line
    /// A pale line of the points and a strong one of their running mean.
    case smoothed
    /// Marks alone.
    case marks
  }

  public var name: String
  /// In the order of x.
  public var points: [ChartPoint]
  /// What a smoothed series averages; nil for its points.
  public var means: [ChartPoint]?
  public var style: Style
  /// Which of the eight colours, dashes and marks; nil for the next one.
  public var colour: Int?
  /// Whether points without a number are shown, as crosses along the lower edge.
  public var showsMissing: Bool

  public init(
    _ name: String, _ points: [ChartPoint], means: [ChartPoint]? = nil, style: Style = .line,
    colour: Int? = nil, showsMissing: Bool = false
  ) {
    self.name = name
    self.points = points
    self.means = means
    self.style = style
    self.colour = colour
    self.showsMissing = showsMissing
  }
}

/// A shaded region between two values of y.
public struct Band: Sendable, Equatable {
  public var name: String
  /// In the order of x; a nil `low` is the lower edge.
  public var points: [Point]
  public var colour: Int?

  public struct Point: Sendable, Equatable {
    public var x: Double
    public var low: Double?
    public var high: Double

    public init(_ x: Double, low: Double?, high: Double) {
      (self.x, self.low, self.high) = (x, low, high)
    }
  }

  public init(_ name: String, _ points: [Point], colour: Int? = nil) {
    (self.name, self.points, self.colour) = (
      name, points.filter { $0.high.isFinite && $0.low?.isFinite ?? true }, colour
    )
  }
}

/// Places that stand out: where a run was started again, which steps were skipped.
public struct Marks: Sendable, Equatable {
  public enum Shape: Sendable, Equatable {
    /// A dashed line through the whole chart.
    case line
    /// A triangle at the upper edge.
    case flag
  }

  public var name: String
  public var places: [Double]
  public var shape: Shape

  public init(_ name: String, at places: [Double], shape: Shape = .line) {
    (self.name, self.places, self.shape) = (name, places, shape)
  }
}

/// A level that values are held against: a limit, an expectation.
public struct Level: Sendable, Equatable {
  public var name: String
  public var value: Double

  public init(_ name: String, _ value: Double) { (self.name, self.value) = (name, value) }
}
